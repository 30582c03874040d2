"""Do all places tell the same, exactly, and say what they do not know? Statements 9 to 14 and 30."""

import json
import random
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.test import Client
from msgspec import structs

from dashboard.pages import NAVIGATION
from tenants.keyring import keyring
from tenants.keys import issue
from tenants.models import Tenant
from tests.dashboard.downloads import rows_of
from tests.dashboard.traffic import outcome, ship
from usage.outcomes import Outcome

pytestmark = pytest.mark.django_db
DATA = re.compile(r'<script id="(chart-[^"]+)" type="application/json">(.*?)</script>', re.DOTALL)
NANO = 10**9
FAMILIES = 41


def charts_of(browser: Client, address: str, **words: str) -> dict[str, dict]:
    """What the script draws on a page, by the name of the chart."""
    page = browser.get(address, words).content.decode()
    return {name: json.loads(told) for name, told in DATA.findall(page)}


def cost_of(cell: str) -> int:
    return round(Decimal(cell or 0) * NANO)


def test_statement_09_home_cost_its_groups_the_file_and_the_api_agree_exactly(staff_client, traffic, tmp_path):
    last = outcome(datetime.now(UTC), random.Random(9), tenant="team-a", tenant_id=2)  # also where a month has begun
    ship([last], tmp_path / "now")
    tenant = Tenant.objects.create(pk=2, name="team-a")
    _, key = issue(tenant, "own")
    keyring.reload()
    words = {"range": "month", "tz": "UTC", "tenant": "team-a"}
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    mine = [one for one in [*traffic, last] if one.tenant == "team-a" and one.started_us >= first.timestamp() * 1e6]
    whole = sum(one.cost_nano_usd or 0 for one in mine)

    used = Client().get("/v1/usage", headers={"authorization": f"Bearer {key}"}).json()
    assert round(Decimal(str(used["month"]["cost_usd"])) * NANO) == whole
    assert used["month"]["requests"] == len(mine)
    home = unescape(staff_client.get("/dashboard/", words).content.decode())
    shown = re.search(r'>Cost</div>\s*<div class="value" title="\$?([\d.]+)', home)
    assert cost_of(shown[1]) == whole
    for group in ("model", "provider", "deployment", "tenant", "key", "policy"):
        head, *rows = rows_of(staff_client, "cost/cost_groups", group=group, **words)
        assert sum(cost_of(row[head.index("Cost, USD")]) for row in rows) == whole, group
        assert sum(int(row[head.index("Requests")]) for row in rows) == len(mine), group
        _, *drawn = rows_of(staff_client, "cost/cost_over_time", group=group, **words)
        assert sum(cost_of(cell) for row in drawn for cell in row[1:-1]) == whole, group


def test_statement_11_a_gap_in_traffic_is_zero_for_counts_and_no_line_for_percentiles(staff_client, tmp_path):
    now, rng = datetime.now(UTC), random.Random(4)
    hours = [now.replace(minute=20) - timedelta(hours=hour) for hour in (2, 9)]  # whole samples in one bucket each
    instants = [hour + timedelta(seconds=30 * step) for hour in hours for step in range(30)]
    ship([outcome(at, rng) for at in instants], tmp_path / "spool")
    volume = charts_of(staff_client, "/dashboard/requests/", range="24h")["chart-volume"]
    per_bucket = [sum(column) for column in zip(*(one["values"] for one in volume["series"]), strict=True)]
    assert None not in per_bucket and per_bucket.count(0) > 15 and sum(per_bucket) == len(instants)
    ttft = charts_of(staff_client, "/dashboard/latency/", range="24h")["chart-latency_ttft"]
    p50 = ttft["series"][0]["values"]
    assert 0 not in p50 and p50.count(None) > 15 and any(p50)


def test_statement_12_what_is_unfinished_and_the_period_before_are_dotted_and_named(staff_client, traffic):
    page = staff_client.get("/dashboard/cost/", {"range": "24h"}).content.decode()
    chart = charts_of(staff_client, "/dashboard/cost/", range="24h")["chart-cost_over_time"]
    assert len(chart["labels"]) - 1 in chart["partial"]
    before = chart["series"][-1]
    assert before["dashed"] and before["label"] == "previous period, in all"
    assert re.search(r'class="key [^"]*dashed"></span>previous period, in all', page)
    assert "Paler or dotted: incomplete buckets, which the range cuts or which still run." in page


@pytest.mark.parametrize("page", [one for one in NAVIGATION if one.ranged], ids=lambda one: one.name)
def test_statement_13_an_axis_has_the_same_unit_whatever_the_range(staff_client, traffic, page):
    units = [
        {name: one["unit"] for name, one in charts_of(staff_client, f"/dashboard/{page.path}", range=span).items()}
        for span in ("24h", "30d")
    ]
    for name in units[0].keys() & units[1].keys():
        assert units[0][name] == units[1][name] != ""


def test_statement_14_of_many_series_six_are_named_and_the_rest_is_other(staff_client, tmp_path):
    now, rng = datetime.now(UTC), random.Random(5)
    told = [
        structs.replace(
            outcome(now - timedelta(minutes=5 + n), rng), model=f"model-{n:02}", provider="many", status="answered",
            cost_nano_usd=1000 + n, attempts=[],
        )
        for n in range(FAMILIES)
    ]  # fmt: skip
    ship(told, tmp_path / "spool")
    words = {"range": "24h", "group": "model"}
    series = charts_of(staff_client, "/dashboard/cost/", **words)["chart-cost_over_time"]["series"]
    named = [one["label"] for one in series if not one["dashed"]]
    assert named == [f"model-{n:02}" for n in range(40, 34, -1)] + ["Other"]
    assert sum(sum(one["values"]) for one in series if not one["dashed"]) == sum(one.cost_nano_usd for one in told)
    assert re.search(rf"\b6 of {FAMILIES}\b", staff_client.get("/dashboard/cost/", words).content.decode())


@pytest.mark.parametrize("page", NAVIGATION, ids=lambda one: one.name)
def test_statement_30_each_chart_has_a_sentence_and_a_table_with_its_numbers(
    staff_client: Client, traffic: list[Outcome], page
):
    text = unescape(staff_client.get(f"/dashboard/{page.path}").content.decode())
    drawn = {name: json.loads(told) for name, told in DATA.findall(text)}
    figures = re.findall(r'<figure class="chart">(.*?)</figure>', text, re.DOTALL)
    assert len(figures) == len(drawn)
    for figure, chart in zip(figures, drawn.values(), strict=True):
        sentence = re.search(r'role="img" aria-label="([^"]+)"', figure)[1]
        assert sentence and sentence in re.search(r"<figcaption>(.*?)</figcaption>", figure, re.DOTALL)[1]
        cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r'<td class="n">(.*?)</td>', figure, re.DOTALL)]
        assert sorted(cells) == sorted(text for one in chart["texts"] for text in one)
