"""Sample traffic on the dashboard and in the operator API: marked where it is chosen, and nowhere else to be seen."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from dashboard.attention import check
from dashboard.pages import PAGES
from dashboard.rendering import panels_of
from profiling.models import Job
from providers.models import AuditEntry, Deployment, LanguageModel, Provider
from routing.demo.rows import remove
from tenants.budgets import Budget, BudgetWindow
from tenants.keys import issue
from tenants.models import ClientKey, Tenant
from tests.dashboard.traffic import outcome, ship
from tests.people import browser_of, staff
from usage import states
from usage.models import RequestRecord, StateRollup
from usage.outcomes import Outcome

pytestmark = pytest.mark.django_db
NEEDLE = "zebra"  # stands in all that the sample brings
START = "/dashboard/start/"
YES = {"act": "yes"}  # the button of a question
PANELS = [(page.name, panel.name) for page in PAGES.values() if page.listed for panel in panels_of(page.name)]


@pytest.fixture
def sample(own_var: Path) -> list[Outcome]:
    """A tenant of sample traffic that failed lately, with a budget that is spent, and upstreams that are there."""
    tenant = Tenant.objects.create(name=NEEDLE, demo=True)
    key, _ = issue(tenant, f"{NEEDLE}-key")
    budget = Budget.objects.create(tenant=tenant, limit_usd=1, period="total")
    BudgetWindow.objects.create(budget=budget, start=0, spent=2_000_000_000)
    provider = Provider.objects.create(name=NEEDLE, wire="openai", base_url="http://127.0.0.1:9/v1", source="demo")
    model = LanguageModel.objects.create(name=f"{NEEDLE}-model")
    Deployment.objects.create(provider=provider, model=model, upstream_model="m")
    rng, now = random.Random(3), datetime.now(UTC)
    facts = {"tenant_id": tenant.pk, "tenant": NEEDLE, "key_id": key.pk, "key_prefix": NEEDLE[:5], "apart": True}
    told = [outcome(now - timedelta(minutes=n), rng, **facts) for n in range(40, 0, -1)]
    for one in told:
        one.first_choice = f"{NEEDLE}/{NEEDLE}-model"
        for attempt in one.attempts:
            attempt.provider, attempt.model, attempt.deployment = NEEDLE, f"{NEEDLE}-model", one.first_choice
        if one.provider:
            one.provider, one.model = NEEDLE, f"{NEEDLE}-model"
    ship(told, own_var / "spool")
    return told


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()


@pytest.mark.parametrize(("page", "panel"), PANELS)
def test_no_panel_of_all_tenants_has_it_and_each_shows_it_where_it_is_chosen(staff_client, sample, page, panel):
    address = f"/dashboard/panels/{page}/{panel}/"
    drawn = _panel(text(staff_client, address))
    assert NEEDLE not in drawn, drawn
    assert "No panel" not in drawn and _panel(text(staff_client, f"{address}?tenant={NEEDLE}"))


@pytest.mark.parametrize("page", [page for page in PAGES.values() if page.listed], ids=lambda page: page.name)
def test_the_page_of_the_sample_says_so_and_another_s_does_not(staff_client, sample, page):
    mark = "The sample is chosen, and has nothing to show here" if page.own else "These are requests of the sample"
    assert mark in text(staff_client, f"/dashboard/{page.path}?tenant={NEEDLE}")
    assert mark not in text(staff_client, f"/dashboard/{page.path}")


def test_chosen_it_shows_its_figures_and_each_request_is_marked(staff_client, sample):
    home = text(staff_client, f"/dashboard/?tenant={NEEDLE}")
    assert f"{NEEDLE}/{NEEDLE}-model" in home and f">{NEEDLE} (sample)</option>" in home
    for address in (f"/dashboard/requests/?tenant={NEEDLE}", f"/dashboard/requests/req_{sample[0].id}/"):
        assert 'class="badge sample"' in text(staff_client, address), address
    assert f"{NEEDLE}: " in text(staff_client, f"/dashboard/budgets/?tenant={NEEDLE}")


def test_its_state_timeline_is_its_own(staff_client, sample):
    minute, name = (int(datetime.now(UTC).timestamp()) - 600) // 60 * 60, f"{NEEDLE}/{NEEDLE}-model"
    states.record([(minute, "", "watched"), (minute, name, "open")], sample[0].tenant_id)
    panel = "/dashboard/panels/reliability/state_timeline/"
    mine = _panel(text(staff_client, f"{panel}?tenant={NEEDLE}&range=1h"))
    assert "circuit open" in mine.partition(f">{name}</h3>")[2].partition("<ol")[0]
    assert "No worker looked" not in mine and NEEDLE not in _panel(text(staff_client, panel))
    remove(Tenant.objects.get(name=NEEDLE))
    assert not StateRollup.objects.exists()


def test_its_keys_which_end_within_the_hour_are_nothing_to_look_at(staff_client, sample):
    ClientKey.objects.update(expires_at=datetime.now(UTC) + timedelta(hours=1))
    assert not [one.what for one in check(datetime.now(UTC)).notices if NEEDLE in one.what]


def test_the_check_gives_its_names_colours_that_stay(sample):
    colours = check(datetime.now(UTC)).colours
    assert {f"{NEEDLE}-model", f"{NEEDLE}/{NEEDLE}-model"} <= colours.keys()


def test_ones_own_upstreams_are_not_among_its_own(staff_client, sample):
    Provider.objects.create(name="ours", wire="openai", base_url="http://127.0.0.1:9/v1")
    panel = "/dashboard/panels/upstreams/upstreams/"
    assert ">ours<" in text(staff_client, panel)
    chosen = text(staff_client, f"{panel}?tenant={NEEDLE}")
    assert f">{NEEDLE}<" in chosen and ">ours<" not in chosen


def test_providers_that_are_gone_are_not_called_healthy(staff_client, sample):
    home = text(staff_client, f"/dashboard/panels/home/providers/?tenant={NEEDLE}")
    assert "disabled" in home and "healthy" not in home.partition("<tbody>")[2].partition("</tbody>")[0]


def test_where_it_is_chosen_one_asks_for_a_tenant_of_ones_own(client, sample):
    client.force_login(staff("olga", "owner"))
    Tenant.objects.create(name="team")
    for page in ("start", "playground"):
        said = text(client, f"/dashboard/{page}/?tenant={NEEDLE}")
        assert "No tenant of this name" not in said, page


def test_a_member_of_it_and_of_another_has_it_in_no_sum_either(sample):
    team = Tenant.objects.create(name="team")
    both = browser_of(staff("mia", "viewer", tenants=(team, Tenant.objects.get(name=NEEDLE))))
    assert f"{NEEDLE}-model" not in text(both, "/dashboard/") + text(both, "/dashboard/requests/")
    assert f"{NEEDLE}-model" in text(both, f"/dashboard/requests/?tenant={NEEDLE}")


def test_the_operator_api_knows_nothing_of_it(client, sample):
    _, plain = issue(Tenant.objects.create(name="team"), "ops", operator=True)
    headers = {"authorization": f"Bearer {plain}"}
    paths = client.get("/api/schema", {"format": "json"}).json()["paths"]
    lists = [path for path, verbs in paths.items() if path.startswith("/api/admin/") and "get" in verbs]
    lists = [path for path in lists if "{" not in path and "live" not in path]  # what runs is another matter
    assert len(lists) >= 8
    for path in lists:
        answer = client.get(path, headers=headers)
        assert answer.status_code in (200, 501) and NEEDLE not in answer.content.decode(), (path, answer.content)
    stats = client.get("/dashboard/stats", headers=headers | {"accept": "application/json"})
    assert stats.status_code == 200 and NEEDLE not in stats.content.decode()


def test_it_is_asked_for_once_audited_and_shown_as_it_stands(client):
    client.force_login(staff("olga", "owner"))
    assert "Fill with 7 days of sample traffic" in text(client, START)
    assert "Their records then move over the last 7 days" in text(client, f"{START}sample/")
    assert Tenant.objects.count() == 0
    for _ in range(2):
        assert client.post(f"{START}sample/", {"reason": "to look around"}).status_code == 302
    assert (Tenant.objects.get().name, Job.objects.filter(kind="demo").count()) == ("demo", 1)
    assert AuditEntry.objects.get().reason == "to look around"
    assert "It waits for a worker." in text(client, f"{START}sample/card/")
    Job.objects.update(
        state="running", lease_until=datetime.now(UTC) + timedelta(minutes=1), message="7 of 9", progress=0.5
    )
    assert "7 of 9." in text(client, START) and "Stop and remove" in text(client, START)
    Job.objects.update(state="failed", message="no gateway")
    assert "It is not complete: no gateway. Fill begins anew" in text(client, START)
    Tenant.objects.update(enabled=False)  # a removal that was cut off
    assert client.post(f"{START}sample/", YES).status_code == 302 and Tenant.objects.get().enabled
    assert Job.objects.filter(kind="demo").count() == 2
    Job.objects.update(state="done")
    assert "/dashboard/cost/?tenant=demo&amp;range=7d" in text(client, START)


def test_one_button_takes_it_away_and_one_that_is_being_made_is_left_to_who_makes_it(client, sample):
    client.force_login(staff("olga", "owner"))
    job = {"state": "running", "due_at": datetime.now(UTC), "lease_until": datetime.now(UTC) + timedelta(minutes=1)}
    running = Job.objects.create(kind="demo", window="w", **job)
    assert "its records and all sums of them" in text(client, f"{START}sample/remove/")
    client.post(f"{START}sample/remove/", YES)
    assert Tenant.objects.get(name=NEEDLE).enabled is False and RequestRecord.objects.exists()
    assert "It is being removed." in text(client, START)
    Job.objects.filter(pk=running.pk).update(state="failed")  # its worker died
    client.post(f"{START}sample/remove/", YES)
    assert not Tenant.objects.exists() and not RequestRecord.objects.exists() and not Provider.objects.exists()
    assert client.get(f"{START}sample/remove/").status_code == 409
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {"removed"}


def test_it_takes_the_right_to_add_tenants(client):
    client.force_login(staff("vic", "viewer", "every tenant"))
    assert "takes the right to add tenants" in text(client, START)
    for address in (f"{START}sample/", f"{START}sample/remove/"):
        assert client.get(address).status_code == client.post(address, YES).status_code == 403
    assert not Tenant.objects.exists()


def test_a_tenant_of_that_name_that_somebody_configured_is_left_alone(client):
    client.force_login(staff("olga", "owner"))
    Tenant.objects.create(name="demo")
    answer = client.post(f"{START}sample/", YES)
    assert answer.status_code == 409 and "rename yours first" in answer.content.decode()
    assert not Job.objects.exists() and Tenant.objects.get().demo is False


def _panel(page: str) -> str:
    """What the panel draws, without the controls of its page."""
    return page.partition('<div class="panels">')[2].partition("<footer")[0]
