"""In which order tables stand, what they are compared with, and which percentile they go by: all in the address."""

import random
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.formatting import money
from tenants.models import ClientKey, Tenant
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import outcome, ship
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db


def head(page: str, label: str) -> tuple[str, str]:
    """The state and the address of a heading that sorts."""
    found = re.search(rf'<th scope="col"([^>]*)><a class="sort" href="([^"]+)">{label}', page)
    assert found, f"no heading {label!r}"
    state = re.search(r'aria-sort="(\w+)"', found[1])
    return state[1] if state else "", unescape(found[2])


@pytest.mark.parametrize(("label", "column"), [("Requests", 1), ("Tokens in", 2), ("Cost, USD", 4)])
def test_a_heading_sorts_the_groups_of_cost_both_ways(staff_client, traffic, label, column):
    address = head(staff_client.get("/dashboard/cost/?group=deployment&sort=name").content.decode(), label)[1]
    orders = []
    for state in ("descending", "ascending"):
        words = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        _, *rows = rows_of(staff_client, "cost/cost_groups", **words)
        orders.append([Decimal(row[column]) for row in rows if row[column]])
        assert orders[-1] == sorted(orders[-1], reverse=state == "descending") and len(orders[-1]) > 2
        said, address = head(staff_client.get(address).content.decode(), label)
        assert said == state
    assert orders[0] == orders[1][::-1]


def test_what_is_unknown_comes_last_whichever_way_it_goes(staff_client, traffic):
    for sort in ("cost", "-cost"):
        _, *rows = rows_of(staff_client, "cost/cost_groups", group="deployment", sort=sort)
        assert not rows[-1][4] and rows[0][4]


def test_an_order_that_is_none_is_the_usual_one_and_the_order_stays_with_other_filters(staff_client, traffic):
    usual = rows_of(staff_client, "cost/cost_groups")
    assert rows_of(staff_client, "cost/cost_groups", sort="-shoe") == usual
    page = staff_client.get("/dashboard/cost/?sort=requests").content.decode()
    assert '<input type="hidden" name="sort" value="requests">' in page


def test_who_is_slow_sorts_by_any_of_its_numbers(staff_client, traffic):
    page = staff_client.get("/dashboard/latency/?group=deployment").content.decode()
    orders = [sort for sort in re.findall(r'class="sort" href="[^"]*sort=(-?\w+)', page) if "name" not in sort]
    assert len(orders) == 15  # four of each of three times, the speed, timeouts and stalls
    for sort in orders:
        assert staff_client.get("/dashboard/latency/", {"group": "deployment", "sort": sort}).status_code == 200
    _, *rows = rows_of(staff_client, "latency/latency_groups", group="deployment", sort="ttft_n")
    assert [int(row[1]) for row in rows] == sorted(int(row[1]) for row in rows)


def test_the_percentile_of_the_address_is_that_of_heatmap_and_order(staff_client, tmp_path):
    """Of one deployment every tenth answer is slow, of the other all take a while: the median tells them apart."""
    rng, now = random.Random(1), datetime.now(UTC) - timedelta(minutes=40)
    names = {"steady": [300.0] * 40, "jumpy": ([100.0] * 9 + [5000.0]) * 4}
    told = [
        outcome(
            now + timedelta(seconds=n), rng, provider="sandbox-openai", model=model, ttft_ms=ttft, status="answered"
        )
        for model, times in names.items()
        for n, ttft in enumerate(times)
    ]
    ship(told, tmp_path / "spool")
    for percentile, first in (("50", "steady"), ("", "jumpy"), ("99", "jumpy")):
        words = {"group": "model", "percentile": percentile}
        _, *rows = rows_of(staff_client, "latency/latency_groups", **words)
        assert rows[0][0] == first
        assert f"ms at p{percentile or 95}" in text_of(
            staff_client.get("/dashboard/panels/latency/latency_heatmap/", {**words, "model": "steady"})
        )
    page = staff_client.get("/dashboard/latency/?percentile=99").content.decode()
    assert re.search(r'percentile=99" aria-current="true">p99<', page)


def test_the_slowest_of_a_group_are_one_click_away(staff_client, traffic):
    page = staff_client.get("/dashboard/latency/?group=model&range=7d").content.decode()
    assert 'href="/dashboard/requests/?range=7d&amp;status=answered&amp;sort=-ttft">Slowest requests</a>' in page
    for metric in ("ttft", "total"):
        (link,) = re.findall(rf'href="([^"]*model=sandbox-mini&amp;status=answered&amp;sort=-{metric}[^"]*)"', page)
        least = int(re.search(rf"min_{metric}=(\d+)", link)[1])
        fits = [one for one in traffic if one.model == "sandbox-mini" and one.status == "answered"]
        own = [one.id for one in fits if (getattr(one, f"{metric}_ms") or 0) >= least]
        listed = staff_client.get(unescape(link)).content.decode()
        assert own and len(own) < len(fits) / 4
        assert set(re.findall(r'class="open" href="/dashboard/requests/req_([0-9a-f]{32})/"', listed)) == set(own)


def test_the_dearest_requests_of_a_group_are_one_click_away(staff_client, traffic):
    page = staff_client.get("/dashboard/cost/?range=7d&group=model").content.decode()
    assert 'href="/dashboard/requests/?range=7d&amp;sort=-cost">Dearest requests</a>' in page
    (link,) = re.findall(r'href="([^"]*)" title="The dearest requests of sandbox-coder"', page)
    own = [one for one in traffic if one.model == "sandbox-coder" and one.cost_nano_usd is not None]
    first = re.search(
        r'class="open" href="/dashboard/requests/req_([0-9a-f]{32})/"',
        staff_client.get(unescape(link)).content.decode(),
    )
    assert first and first[1] == max(own, key=lambda one: (one.cost_nano_usd, one.id)).id


def test_the_time_per_token_of_all_is_not_shown_as_one_tenants(staff_client, traffic):
    Tenant.objects.create(pk=2, name="team-a")
    assert "Time per token" in text_of(staff_client.get("/dashboard/latency/?group=model"))
    of_one = text_of(staff_client.get("/dashboard/latency/?group=model&tenant=team-a"))
    assert "is kept for all tenants together, by provider, model and deployment" in of_one
    _, *rows = rows_of(staff_client, "latency/latency_groups", group="model", tenant="team-a")
    assert rows and all(row[5] == "0" and not row[6] for row in rows)


@pytest.fixture
def two_days(tmp_path) -> None:
    """What each model cost the day before (if it was asked at all) and today, in nano-dollars."""
    rng, now = random.Random(5), datetime.now(UTC)
    costs = {"grew": (1_000_000, 5_000_000), "new": (None, 2_000_000), "gone": (7_000_000, None), "same": (3, 3)}
    same = {"provider": "sandbox-openai", "tenant_id": 1, "tenant": "demo", "status": "answered"}
    told = [
        outcome(now - timedelta(hours=hours), rng, model=model, cost_nano_usd=cost, **same)
        for model, both in costs.items()
        for hours, cost in zip((30, 5), both, strict=True)
        if cost is not None
    ]
    ship(told, tmp_path / "spool")


def test_what_moved_most_names_who_spends_nothing_any_more_too(staff_client, two_days):
    _, *rows = rows_of(staff_client, "cost/cost_movers", group="model")
    assert [(row[0], Decimal(row[3])) for row in rows] == [
        ("gone", Decimal("-0.007")),
        ("grew", Decimal("0.004")),
        ("new", Decimal("0.002")),
    ]
    assert sum(float(row[4]) for row in rows) == pytest.approx(1, abs=1e-4)
    page = text_of(staff_client.get("/dashboard/cost/?group=model"))
    assert f"▼ gone {money(-7_000_000)}" in page and f"▲ up {money(4_000_000)} +400.0 %" in page


def test_compare_off_leaves_the_period_before_out_of_the_page_and_one_click_brings_it_back(staff_client, two_days):
    both = staff_client.get("/dashboard/cost/").content.decode()
    assert "previous period, in all" in both and "Vs previous period" in both
    alone = staff_client.get("/dashboard/cost/?compare=off").content.decode()
    assert "previous period, in all" not in alone and "Vs previous period" not in alone
    assert 'href="/dashboard/cost/">Compare with it</a>' in alone
    assert 'href="/dashboard/requests/?compare=off"' in alone, "it stays when the page changes"


@pytest.mark.parametrize(("words", "period", "limit"), [({"range": "24h"}, "day", 9), ({"range": "7d"}, "week", 9)])
def test_a_budget_of_what_a_tenant_spent_is_one_click_away(staff_client, tmp_path, words, period, limit):
    tenant = Tenant.objects.create(pk=2, name="team-a")
    key = ClientKey.objects.create(pk=2, tenant=tenant, name="app", prefix="nr-teama", digest="d" * 64)
    told = outcome(datetime.now(UTC) - timedelta(hours=1), random.Random(1), tenant_id=2, tenant="team-a", key_id=2)
    told.cost_nano_usd = limit * 1_000_000_000
    ship([told], tmp_path / "spool")
    owner = browser_of(staff("olga", "owner"))
    for group in ("tenant", "key"):
        page = owner.get("/dashboard/cost/", {"group": group, **words}).content.decode()
        address = unescape(re.search(r'href="(/dashboard/budgets/new/[^"]+)"', page)[1])
        form = owner.get(address).content.decode()
        field = re.search(r'<input[^>]*name="limit_usd"[^>]*value="([\d.]+)"', form)
        assert float(field[1]) == pytest.approx(limit, rel=0.01), "a range begins on a whole quarter of an hour"
        assert f'<option value="{period}" selected>' in form and '<option value="team-a" selected>' in form
        assert (f'name="key" value="{key.name}"' in form) == (group == "key")
    assert "budgets/new" not in owner.get("/dashboard/cost/?group=model").content.decode()
    viewer = browser_of(staff("vera", "viewer", tenants=(tenant,)))
    assert "budgets/new" not in viewer.get("/dashboard/cost/", {"group": "tenant", **words}).content.decode()


def test_the_tiles_of_home_leave_the_period_before_out_where_the_address_says_so(staff_client, traffic):
    both, alone = (text_of(staff_client.get(f"/dashboard/{query}")) for query in ("?range=6h", "?range=6h&compare=off"))
    assert "vs previous period" in both and "before: " in both
    assert "vs previous period" not in alone and "before: " not in alone and "no earlier data" not in alone
    assert 'name="compare"' in staff_client.get("/dashboard/").content.decode()
