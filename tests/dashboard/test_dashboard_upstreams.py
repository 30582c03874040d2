"""Does the page of providers say which one is well, and how it failed last?"""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User

from dashboard.headrooms import Pace, _left
from dashboard.panels import upstreams as module
from providers import headroom, http
from providers.attempts import Marks, complete
from providers.errorwords import in_words
from providers.headroom import Headroom
from providers.models import AuditEntry, Credential, Deployment, LanguageModel, Provider, Revision
from providers.revisions import CATALOG
from providers.sandbox.testing import Sandbox
from providers.targets import Secret
from providers.wire.ratelimits import RateLimit
from routing.resilience.report import BreakerReport, CredentialReport, HealthReport
from tests.adapters.examples import chat, target
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import NAMES
from tests.people import browser_of, staff
from usage.selectors import TimeRange, last_errors

pytestmark = pytest.mark.django_db


@pytest.fixture
def configured() -> None:
    """The providers of the traffic, of which one has two credentials, and one that nobody called."""
    for name in NAMES:
        provider, model = name.split("/")
        row, _ = Provider.objects.get_or_create(name=provider, wire="openai", base_url="http://localhost:1/v1")
        of = LanguageModel.objects.get_or_create(name=model)[0]
        Deployment.objects.create(provider=row, model=of, upstream_model=model)
    openai = Provider.objects.get(name="sandbox-openai")
    for number in range(2):
        Credential.objects.create(provider=openai, name=f"key {number}", ciphertext=b"", last_four="abcd")
    Provider.objects.create(name="quiet", wire="anthropic", base_url="http://localhost:1/v1", enabled=False)


def row_of(answer, provider: str) -> str:
    """The text of one provider's row."""
    rows = re.findall(r"<tbody>.*?</tbody>", answer.content.decode(), re.DOTALL)
    found = next(row for row in rows if f'<th scope="row">{provider}' in row)
    return re.sub(r"\s+", " ", re.sub(r"<title>.*?</title>|<[^>]+>", " ", found)).strip()


def test_each_provider_has_its_rates_and_its_last_error(staff_client, configured, traffic):
    answer = staff_client.get("/dashboard/upstreams/")
    tries = [one for told in traffic for one in told.attempts if one.provider == "sandbox-anthropic"]
    failed = [one for one in tries if one.error]
    limited = sum(one.error == "RateLimited" for one in failed)
    row = row_of(answer, "sandbox-anthropic")
    newest = next(in_words(one.error) for told in reversed(traffic) for one in told.attempts if one in failed)
    assert f"{len(tries)} {len(failed) / len(tries) * 100:.1f} %" in row
    assert re.search(rf" {limited} — it told no limit yet {newest} ", row)
    quiet = "quiet anthropic – disabled none set 0 — — 0 — it told no limit yet none in this range"
    assert row_of(answer, "quiet").startswith(quiet)


def test_what_this_process_does_not_know_is_a_dash(staff_client, configured, traffic):
    assert "not known here — of 2" in row_of(staff_client.get("/dashboard/upstreams/"), "sandbox-openai")


def test_breakers_and_barred_credentials_show_what_is_wrong_now(staff_client, configured, traffic, monkeypatch):
    barred = CredentialReport(7, "sandbox-openai", "abcd", "rate limited", 1.0, 30.0, None)
    breaker = BreakerReport("open", 5.0, 20.0, 5, 1, "Overloaded five times")
    report = HealthReport({"sandbox-ollama/sandbox-local-8b": breaker}, (barred,))
    monkeypatch.setattr(module, "health_now", lambda: report)
    answer = staff_client.get("/dashboard/upstreams/")
    ours, local = row_of(answer, "sandbox-openai"), row_of(answer, "sandbox-ollama")
    assert "degraded 1 of 2 usable" in ours and "credential …abcd: rate limited, back in 30.00 s" in ours
    assert (
        "circuit open" in local and "sandbox-ollama/sandbox-local-8b: provider overloaded or broken five times" in local
    )
    assert "✓ healthy" in row_of(answer, "sandbox-anthropic")
    first = re.search(r'<th scope="row">([\w-]+)', answer.content.decode())
    assert first and first[1] in ("sandbox-openai", "sandbox-ollama"), "what is not well stands first"


def test_settings_and_test_are_for_those_who_may(staff_client, configured, traffic):
    pk = Provider.objects.get(name="quiet").pk
    addresses = [f"/admin/providers/provider/{pk}/change/", "/dashboard/upstreams/quiet/test/"]
    page = staff_client.get("/dashboard/upstreams/").content.decode()
    assert not any(address in page for address in addresses)
    ana = User.objects.get(username="ana")
    ana.user_permissions.add(*Permission.objects.filter(codename__in=["change_provider", "view_provider"]))
    page = staff_client.get("/dashboard/upstreams/").content.decode()
    for address in addresses:
        assert re.search(f'href="{address}', page)
        assert staff_client.get(address).status_code == 200


@pytest.mark.parametrize(("sort", "column"), [("rate", 6), ("attempts", 5), ("limited", 8)])
def test_the_table_sorts_both_ways(staff_client, configured, traffic, sort, column):
    for word in (sort, f"-{sort}"):
        _, *rows = rows_of(staff_client, "upstreams/upstreams", sort=word)
        values = [float(row[column]) for row in rows if row[column]]
        assert len(values) > 2 and values == sorted(values, reverse=word.startswith("-"))


def test_who_may_not_sees_the_buttons_with_the_reason(staff_client, configured):
    quiet = row_of(staff_client.get("/dashboard/upstreams/"), "quiet")
    for label, why in (("Test", "Testing takes"), ("Add key", "Adding keys takes"), ("Drain", "Draining takes")):
        assert re.search(rf"{label} quiet: {why} the right to [\w ]+: the role operator has it", quiet)
    answer = staff_client.post("/dashboard/upstreams/sandbox-openai/drain/", {"reason": "no"})
    assert answer.status_code == 403 and Deployment.objects.filter(enabled=False).count() == 0


def test_a_drained_provider_leaves_every_deployment_out_of_use(configured, traffic):
    operator = browser_of(staff("olga", "operator", "every tenant"))
    page = operator.get("/dashboard/upstreams/").content.decode()
    address = "/dashboard/upstreams/sandbox-openai/drain/"
    assert f'href="{address}"' in page
    asked = text_of(operator.get(address))
    assert "Takes 2 deployments out of use within a second: sandbox-openai/sandbox-large, sandbox-openai/" in asked
    assert "Nobody else serves sandbox-mini: requests for it are refused." in asked, "others serve the large one"
    assert re.search(r"2 keys used it in the last hour.* 0 requests are running\.", asked)
    assert Deployment.objects.filter(enabled=False).count() == 0, "asking does nothing"
    assert not Revision.objects.filter(part=CATALOG).exists()
    assert operator.post(address, {"reason": "new contract"})["location"] == "/dashboard/upstreams/"
    out = Deployment.objects.filter(enabled=False)
    assert {row.provider.name for row in out} == {"sandbox-openai"} and out.count() == 2
    told = AuditEntry.objects.filter(action="drained")
    assert {(row.actor, row.reason, str(row.changes)) for row in told} == {
        ("olga", "new contract", "{'enabled': [True, False]}")
    }
    assert told.count() == 2 and len(set(told.values_list("request_id", flat=True))) == 1
    assert Revision.objects.get(part=CATALOG).number, "every worker learns of it"
    again = operator.get(address)
    assert again.status_code == 409 and "None of its deployments is in use." in text_of(again)
    assert "Drain sandbox-openai: None of its deployments" in row_of(
        operator.get("/dashboard/upstreams/"), "sandbox-openai"
    )
    assert operator.get("/dashboard/upstreams/nobody/drain/").status_code == 404


@pytest.fixture
def told_limits(configured):
    """One real answer of an upstream that tells its limits, to a deployment of the traffic."""
    row = Deployment.objects.get(provider__name="sandbox-openai", model__name="sandbox-mini")
    with Sandbox.start("openai", flavour="groq") as upstream:
        aimed = target(id=row.pk, provider="sandbox-openai", model="sandbox-mini", base_url=upstream.base_url)

        async def ask() -> None:
            await complete(chat(), aimed, Secret(9, "sk-x", "abcd"), Marks())
            await http.close()

        headroom._heard.clear()
        asyncio.run(ask())
        yield upstream
    headroom._heard.clear()


def test_the_rate_limits_that_an_upstream_told_are_shown(staff_client, told_limits, traffic):
    answer = staff_client.get("/dashboard/upstreams/")
    shown = text_of(answer)
    assert re.search(r"sandbox-openai/sandbox-mini key …abcd requests 14,399 \(> 99\.9 %\) 14,400 2 m \d\d s", shown)
    assert re.search(r"sandbox-openai/sandbox-mini key …abcd tokens 5,999 \(> 99\.9 %\) 6,000 \d s", shown)
    assert "99.9 %, 5,999 tokens sandbox-openai/sandbox-mini " in row_of(answer, "sandbox-openai")
    assert "No upstream has told" not in shown
    rows = rows_of(staff_client, "upstreams/headroom")
    assert ["sandbox-openai/sandbox-mini", "abcd", "requests", "14399", "14400"] in [row[:5] for row in rows]


def test_when_a_limit_is_used_up_is_told_by_the_pace_of_the_last_minutes():
    now, limit = datetime.now(UTC), RateLimit("requests", 60, 30, 120.0)
    heard = Headroom("a/b", "abcd", round((now - timedelta(seconds=20)).timestamp() * 1e6), (limit,))
    paces = {"a/b": Pace({"requests": 0.5})}
    (left,) = [_left(heard, limit, paces, 1, now)]
    assert (left.share, left.empty_in_s, round(left.reset_in_s)) == (0.5, 60.0, 100)
    slow = _left(heard, limit, {"a/b": Pace({"requests": 0.1})}, 1, now)
    assert (slow.empty_in_s, slow.why_not) == (None, "not before it resets")
    assert _left(heard, limit, paces, 3, now).empty_in_s is None, "three credentials share the pace"
    later = _left(heard, limit, paces, 1, now + timedelta(minutes=5))
    assert later.over and (later.share, later.why_not) == (None, "it has reset since it was told")
    assert "every one" in _left(heard, limit, None, 1, now).why_not
    assert "nothing was asked" in _left(heard, limit, {}, 1, now).why_not
    assert _left(heard, RateLimit("requests", 60, 0), {}, 1, now).empty_in_s == 0.0


def test_a_provider_that_is_gone_keeps_its_past(staff_client, traffic):
    assert "no longer configured" in row_of(staff_client.get("/dashboard/upstreams/"), "sandbox-openai")


def test_no_provider_at_all_says_how_to_get_one(staff_client):
    assert "No provider is known yet" in text_of(staff_client.get("/dashboard/upstreams/"))


def test_the_page_keeps_to_twelve_questions(staff_client, configured, traffic, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        staff_client.get("/dashboard/upstreams/")


def test_the_last_error_is_within_the_range_and_of_the_tenants_in_sight(configured, traffic):
    now = datetime.now(UTC)
    day = TimeRange.around(now - timedelta(days=1), now, now)
    everyone = last_errors(day, NAMES)
    assert everyone == sorted(everyone, key=lambda one: one.request_id, reverse=True)
    own = last_errors(day, NAMES, frozenset({2}))
    tenants = {told.id: told.tenant_id for told in traffic}
    assert own and {tenants[one.request_id] for one in own} == {2}
    assert last_errors(TimeRange.around(now - timedelta(days=9), now - timedelta(days=8), now), NAMES) == []
