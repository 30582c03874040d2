"""Does the page of reliability say what failed, what caught it, what it cost, and what can be done?"""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from dashboard.panels import deployments as module
from dashboard.panels.errors_over_time import ErrorsOverTimePanel
from dashboard.panels.flow import FlowPanel
from dashboard.panels.state_timeline import StateTimelinePanel
from dashboard.scope import Scope, scope_of
from providers.errorwords import in_words
from providers.models import AuditEntry, Deployment, LanguageModel, Provider
from routing.models import HealthReset
from routing.resilience.report import BreakerReport, HealthReport
from tenants.models import Tenant
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import NAMES, outcome, ship
from tests.people import browser_of, staff
from usage import states
from usage.models import FlowRollup
from usage.outcomes import Outcome

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/reliability/"
MINI = "sandbox-openai/sandbox-mini"


def scope(**words: str) -> Scope:
    return scope_of("reliability", words, datetime.now(UTC))


def minute(ago: int) -> int:
    return int(datetime.now(UTC).timestamp()) // 60 * 60 - ago * 60


@pytest.fixture
def configured() -> dict[str, Deployment]:
    """The deployments of the traffic."""
    made = {}
    for name in NAMES:
        provider, model = name.split("/")
        row, _ = Provider.objects.get_or_create(name=provider, wire="openai", base_url="http://localhost:1/v1")
        of = LanguageModel.objects.get_or_create(name=model)[0]
        made[name] = Deployment.objects.create(provider=row, model=of, upstream_model=model)
    return made


def rescued(lost_nano_usd: int | None) -> Outcome:
    """Answered by another after a failed attempt that used tokens up."""
    rng = random.Random(5)
    at = datetime.now(UTC) - timedelta(minutes=5)
    told = next(one for one in (outcome(at, rng) for _ in range(500)) if one.failovers and one.provider)
    lost = told.attempts[0]
    lost.prompt_tokens, lost.cost_nano_usd = 900, lost_nano_usd
    return told


def test_the_sentence_says_how_many_what_it_cost_and_how_long_it_took(staff_client, traffic):
    needed = [one for one in traffic if one.failovers]
    delays = sorted(one.decisive.started_ms for one in needed)
    page = text_of(staff_client.get(PAGE))
    share = f"{len(needed) / sum(one.status in ('answered', 'failed') for one in traffic) * 100:.1f} %"
    assert (
        f"{len(needed)} of 150 requests ({share}) needed failover; {len(needed)} succeeded; it cost $0.00 and" in page
    )
    data = FlowPanel().data(scope())
    middle = data.delay.p50 if data.delay.p50 is not None else data.delay.middle
    assert delays[len(delays) // 2 - 1] * 0.9 <= middle <= delays[len(delays) // 2] * 1.1


def test_the_cost_is_that_of_failed_attempts_that_were_billed(staff_client, tmp_path):
    ship([rescued(1_234_567)], tmp_path / "one")
    data = FlowPanel().data(scope(range="1h"))
    assert (data.rescued, data.counted, data.unpriced, data.cost_nano_usd) == (1, 1, 0, 1_234_567)
    assert "it cost $0.0012 and" in text_of(staff_client.get(PAGE))


def test_a_cost_that_nobody_knows_is_not_zero(staff_client, tmp_path):
    ship([rescued(None)], tmp_path / "one")
    page = text_of(staff_client.get(PAGE))
    assert "it cost at least $0.00" in page
    assert "Of 1 the cost of a failed attempt is unknown" in page


def test_costs_from_before_they_were_summed_are_a_dash(staff_client, traffic):
    FlowRollup.objects.update(rescues=0)
    page = text_of(staff_client.get(PAGE))
    assert "it cost — and" in page


def test_the_timeline_shows_what_was_seen_and_nothing_else(staff_client, traffic):
    seen = [(minute(ago), "", "watched") for ago in range(10)]
    seen += [(minute(ago), MINI, "open") for ago in (5, 4)] + [(minute(3), MINI, "half_open")]
    states.record(seen)
    data = StateTimelinePanel().data(scope(range="1h"))
    rows = {row.name: row for row in data.rows}
    mini = [cell.state for target in rows[MINI].targets for cell in target.cells]
    assert len(mini) == 60 and data.rows[0].name == MINI, "those longest out stand first"
    assert mini[:50] == ["unknown"] * 50
    assert mini[50:] == ["healthy"] * 4 + ["open"] * 2 + ["half_open"] + ["healthy"] * 3
    assert [(line.word, line.spell.minutes) for line in rows[MINI].lines] == [
        ("circuit open", 2),
        ("half-open", 1),
    ]
    page = staff_client.get(f"{PAGE}?range=1h").content.decode()
    assert re.search(r'class="pair" href="[^"]*deployment=sandbox-openai%2Fsandbox-mini" title="[^"]*in 1 of 1', page)


def test_each_pair_of_cells_leads_to_what_the_deployment_served_in_it(staff_client, traffic):
    states.record([(minute(0), MINI, "open")])
    (row,) = StateTimelinePanel().data(scope(deployment=MINI)).rows
    addresses = [target.address for target in row.targets]
    assert len(set(addresses)) == 30
    served = [one for one in traffic if f"{one.provider}/{one.model}" == MINI]
    shown = [len(re.findall(r'<tr class="row"', staff_client.get(one).content.decode())) for one in addresses]
    assert sum(shown) == len(served)


def test_errors_by_class_and_by_deployment_have_the_same_sum(traffic):
    failed = [attempt for one in traffic for attempt in one.attempts if attempt.error]
    for group, kinds in (("class", {one.error for one in failed}), ("deployment", {one.deployment for one in failed})):
        chart = ErrorsOverTimePanel().data(scope(group=group)).chart
        assert {series.code or series.label for series in chart.series} == kinds
        assert sum(sum(series.values) for series in chart.series) == len(failed)
    assert [tab.current for tab in ErrorsOverTimePanel().data(scope()).tabs.choices] == [True, False]


def test_from_a_bar_and_a_class_of_a_row_one_click_leads_to_the_requests_that_failed_so(staff_client, traffic):
    def shown(address: str) -> set[str]:
        return set(re.findall(r"/dashboard/requests/req_(\w+)/", staff_client.get(address).content.decode()))

    def failed(error: str, deployment: str = "") -> set[str]:
        tried = [(one.id, each) for one in traffic for each in one.attempts if each.error == error]
        return {key for key, each in tried if deployment in ("", each.deployment)}

    chart = ErrorsOverTimePanel().data(scope()).chart
    for series in chart.series:
        bars = [shown(at) for at, value in zip(series.addresses, series.values, strict=True) if value]
        assert set().union(*bars) == failed(series.code)
    rows = module.DeploymentsPanel().data(scope()).rows
    for row in rows:
        for one in row.errors:
            assert shown(one.address) == failed(one.name, row.name) and one.number >= len(shown(one.address))
    name, at, page = rows[0].errors[0].name, rows[0].name, staff_client.get(rows[0].errors[0].address)
    assert re.search(rf"attempts? failed as {in_words(name)} \({name}\) at {at}\.", text_of(page))
    assert f"error: {name}" in text_of(page) and f"failed: {at}" in text_of(page)
    _, *lines = rows_of(staff_client, "requests/request_list", error=name, failed=at)
    assert {line[1].removeprefix("req_") for line in lines} == failed(name, at)


def test_an_error_of_a_request_that_nobody_was_asked_for_is_found_and_a_mistyped_one_is_told(staff_client, tmp_path):
    told = outcome(datetime.now(UTC) - timedelta(minutes=3), random.Random(3), status="rejected", error="UnknownModel")
    ship([structs.replace(told, attempts=[], provider=None, model=None)], tmp_path / "one")
    assert told.id in staff_client.get("/dashboard/requests/?error=UnknownModel").content.decode()
    page = staff_client.get("/dashboard/requests/?error=UnknwonModel")
    assert told.id not in page.content.decode()
    assert "No error is called “UnknwonModel”" in text_of(page) and "error=UnknownModel" in page.content.decode()


@pytest.mark.parametrize(("sort", "figure"), [("rate", 4), ("attempts", 3), ("out", 5), ("speed", 12)])
def test_the_table_of_deployments_sorts_both_ways(staff_client, traffic, sort, figure):
    for word in (sort, f"-{sort}"):
        _, *rows = rows_of(staff_client, "reliability/deployments", sort=word)
        values = [float(row[figure]) for row in rows if row[figure]]
        assert values == sorted(values, reverse=word.startswith("-")) and len(set(values)) > 2
        assert re.search(
            rf'aria-sort="{"de" if word[0] == "-" else "a"}scending"',
            staff_client.get(PAGE, {"sort": word}).content.decode(),
        )


def test_filters_act_on_every_panel(staff_client, traffic, configured):
    anthropic = [name for name in NAMES if name.startswith("sandbox-anthropic")]
    rows = module.DeploymentsPanel().data(scope(provider="sandbox-anthropic")).rows
    assert {row.name for row in rows} == set(anthropic)
    assert {row.name for row in StateTimelinePanel().data(scope(provider="sandbox-anthropic")).rows} == set(anthropic)
    links = FlowPanel().data(scope(deployment=anthropic[0])).links
    assert links and all(anthropic[0] in (link.first, link.served) for link in links)
    made = sum(one.deployment == anthropic[0] for told in traffic for one in told.attempts)
    assert ErrorsOverTimePanel().data(scope(deployment=anthropic[0])).attempts == made
    page = staff_client.get(f"{PAGE}?deployment={anthropic[0]}&provider=sandbox-anthropic").content.decode()
    assert "not for these" not in page


def test_each_row_counts_failovers_and_names_its_last_error(traffic, configured):
    rows = {row.name: row for row in module.DeploymentsPanel().data(scope()).rows}
    for name in NAMES:
        tries = [one for told in traffic for one in told.attempts if one.deployment == name]
        judged = [one for one in tries if one.status != "cancelled"]
        failed = [one for one in tries if one.error]
        row = rows[name]
        assert row.tries.error_rate == pytest.approx(len(failed) / len(judged))
        assert row.moved.out == sum(told.first_choice == name and told.failovers > 0 for told in traffic)
        served = [told for told in traffic if f"{told.provider}/{told.model}" == name]
        assert row.moved.into == sum(told.first_choice != name and told.failovers > 0 for told in served)
        assert (row.last and row.last.error) == (failed[-1].error if failed else None)


def test_a_stream_that_broke_off_is_counted_and_found(staff_client, configured, tmp_path):
    told = outcome(datetime.now(UTC) - timedelta(minutes=3), random.Random(3))
    told.status, told.http_status, told.error = "interrupted", 200, "StreamInterrupted"
    told.attempts[-1].status, told.attempts[-1].error = "interrupted", "Unreachable"
    ship([told], tmp_path / "one")
    row = next(row for row in module.DeploymentsPanel().data(scope()).rows if row.name == told.attempts[-1].deployment)
    assert row.moved.truncated == 1 and row.last and row.last.error == "Unreachable"
    assert told.id in staff_client.get(row.truncated_address).content.decode()


def test_state_now_and_since_when(traffic, configured, monkeypatch):
    report = HealthReport({MINI: BreakerReport("open", 90.0, 20.0, 5, 1, "Overloaded, 5 in a row")}, (), frozenset())
    monkeypatch.setattr(module, "health_now", lambda: report)
    states.record([(minute(ago), "", "watched") for ago in range(7)])
    states.record([(minute(5), NAMES[2], "open")])
    Deployment.objects.filter(pk=configured[NAMES[1]].pk).update(enabled=False)
    asked = scope(range="1h")
    rows = {row.name: row for row in module.DeploymentsPanel().data(asked).rows}
    assert rows[MINI].state == "open" and rows[MINI].note == "provider overloaded or broken, 5 in a row"
    assert rows[MINI].since == asked.period.now - timedelta(seconds=90)
    assert rows[NAMES[1]].state == "off"
    assert rows[NAMES[2]].since == datetime.fromtimestamp(minute(4), UTC)
    others = [row for name, row in rows.items() if row.state == "healthy" and name != NAMES[2]]
    assert others and all(row.since is None for row in others), "nobody knows how they stood before"


def test_who_may_not_act_sees_the_buttons_and_why_they_are_off(traffic, configured):
    for group, may in (("viewer", 0), ("operator", 3), ("owner", 3)):
        client = browser_of(staff(group, group, "every tenant"))
        page = client.get(PAGE).content.decode()
        row = page[page.index('">sandbox-openai/</span>') :].split("</tbody>")[0]
        assert len(re.findall(r'<a class="button', row)) == may, group
        assert len(re.findall(r"<button[^>]* disabled", row)) == 3 - may
        assert ("This takes the right to change deployments" in row) == (may == 0)
        address = f"{PAGE}{configured[MINI].pk}/open/"
        assert client.get(address).status_code == (200 if may else 403)
        assert client.post(address, {"act": "yes"}).status_code == (302 if may else 403)
    assert AuditEntry.objects.filter(action="opened breaker").count() == 2


def test_the_question_names_who_uses_it_and_the_answer_is_in_the_audit_log(traffic, configured):
    client, row = browser_of(staff("olga", "operator", "every tenant")), configured[MINI]
    address = f"{PAGE}{row.pk}/"
    question = text_of(client.get(f"{address}open/"))
    assert f"leaves {MINI} alone for a minute" in question
    assert re.search(r"\d keys? used it in the last hour", question)
    for verb, action in (("open", "opened breaker"), ("reset", "reset health"), ("drain", "drained")):
        assert client.post(f"{address}{verb}/", {"reason": f"why {verb}"}).status_code == 302
        entry = AuditEntry.objects.get(action=action)
        assert (entry.object_name, entry.reason, entry.actor) == (MINI, f"why {verb}", "olga")
    assert [(wish.scope, wish.opens) for wish in HealthReset.objects.all()] == [(MINI, True), (MINI, False)]
    row.refresh_from_db()
    assert not row.enabled
    assert client.get(f"{address}open/").status_code == 409, "it is out of use"
    client.post(f"{address}undrain/", {"act": "yes"})
    row.refresh_from_db()
    assert row.enabled and AuditEntry.objects.filter(action="undrained").count() == 1


def test_what_is_not_there_is_not_asked_about(configured):
    client = browser_of(staff("olga", "operator", "every tenant"))
    Provider.objects.filter(name="sandbox-ollama").update(source=Provider.Source.DRILL)
    drill = configured["sandbox-ollama/sandbox-unpriced"].pk
    for address in (f"{PAGE}{drill}/open/", f"{PAGE}999999/open/", f"{PAGE}{configured[MINI].pk}/explode/"):
        assert client.get(address).status_code == 404


def test_the_page_keeps_to_twelve_questions(staff_client, configured, traffic, django_assert_max_num_queries):
    states.record([(minute(ago), MINI, "open") for ago in range(5)])
    with django_assert_max_num_queries(12):
        staff_client.get(f"{PAGE}?provider=sandbox-openai&range=7d")


def test_a_member_of_one_tenant_sees_its_requests_alone_within_twelve_questions(
    configured, traffic, django_assert_max_num_queries
):
    team = Tenant.objects.create(pk=2, name="team-a")
    Tenant.objects.create(pk=1, name="demo")
    client = browser_of(staff("tess", "operator", tenants=(team,)))
    with django_assert_max_num_queries(12):
        page = client.get(PAGE)
    own = [one for one in traffic if one.tenant_id == 2]
    needed = sum(one.failovers > 0 for one in own)
    assert re.search(rf"{needed} of {len(own)} requests \(\S+ %\) needed failover", text_of(page))
    assert sum(row.tries.attempts for row in module.DeploymentsPanel().data(scope(tenant="team-a")).rows) == sum(
        len(one.attempts) for one in own
    )
