"""Does the page of savings compare what can be compared, and say what it compares with?"""

import random
import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec import Raw

from dashboard import savings as module
from dashboard import savingstile
from dashboard.savings import ASKED, DEAREST, parts, savings
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import outcome, ship
from usage.selectors import Entities, TimeRange

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC) - timedelta(minutes=2)
CENT = 10**7


def asked(costs: dict[str, int | None], served: str, cost: int | None, minutes: int = 0, **facts):
    """An answered request whose candidates were expected to cost so much, in cents."""
    listed = [
        {"rank": rank, "deployment": name, "expected_cost_nano_usd": None if cents is None else cents * CENT}
        for rank, (name, cents) in enumerate(costs.items(), 1)
    ]
    provider, _, model = served.partition("/")
    facts |= {"status": "answered", "provider": provider, "model": model}
    facts |= {
        "cost_nano_usd": None if cost is None else cost * CENT,
        "decision": Raw(msgspec.json.encode({"candidates": listed})),
    }
    facts = {"attempts_count": 1, "asked_model": "auto", "policy": "balanced"} | facts
    return outcome(NOW - timedelta(minutes=minutes), random.Random(minutes), **facts)


@pytest.fixture
def shipped(tmp_path):
    """Six requests, of which four know what they cost and what else they might have cost."""
    dear = {"a/small": 2, "b/large": 10}
    told = [
        asked(dear, "a/small", 3, 1, asked_model="small"),  # half as dear again as expected: the baseline too
        asked(dear, "b/large", 10, 2),
        asked(dear | {"c/home": 0}, "c/home", 0, 3, policy="cheap"),
        asked(dear, "a/small", 4, 4, attempts_count=2),
        asked(dear, "a/small", None, 5),
        asked({"a/small": None}, "a/small", 1, 6),
    ]
    ship(told, tmp_path / "spool")
    return told


def found(baseline: str):
    now = datetime.now(UTC)
    return savings(TimeRange.around(now - timedelta(hours=1), now, now), Entities(), baseline)


def test_the_dearest_candidate_is_what_the_request_could_have_cost_at_most(shipped):
    sums = found(DEAREST)
    assert [one.baseline // CENT for one in sums.compared] == [15, 10, 10, 10]
    assert (sums.actual // CENT, sums.saved // CENT, sums.read) == (17, 28, 6)
    assert sums.left_out == {"no price": 1, "not a candidate": 1}


def test_statement_19_against_a_cheap_model_the_savings_are_negative(shipped):
    sums = found("small")
    assert [one.saved // CENT for one in sums.compared] == [0, -8, 2, -2]
    assert sums.saved == -8 * CENT


def test_as_asked_compares_requests_that_name_a_model(shipped):
    sums = found(ASKED)
    assert [one.request.asked_model for one in sums.compared] == ["small"]
    assert sums.left_out["not a candidate"] == 4


def test_the_parts_lead_from_the_baseline_to_what_was_paid(shipped):
    for baseline in (DEAREST, "small", "large", "home"):
        first, *steps, last = parts(found(baseline))
        assert first.amount + sum(step.amount for step in steps) == last.amount
        assert all(part.x >= 0 and part.x + part.width <= 1.0000001 for part in (first, *steps, last))


def test_statement_19_the_baseline_in_the_address_changes_the_numbers_and_is_named(staff_client, shipped):
    dearest = text_of(staff_client.get("/dashboard/savings/?baseline=dearest"))
    assert "Against dearest eligible , routing saved $0.2800 (62.2 % of $0.4500 ), over 4 requests." in dearest
    assert "Of all 6 answered requests of this range. " in dearest
    assert "Not compared: 1, what they cost is unknown, for want of a price." in dearest
    small = text_of(staff_client.get("/dashboard/savings/?baseline=small"))
    assert "Against small , routing cost more: -$0.0800 saved" in small
    assert 'href="/dashboard/savings/?baseline=large"' in staff_client.get("/dashboard/savings/").content.decode()


def test_a_baseline_that_nobody_has_compares_nothing_and_says_so(staff_client, shipped):
    assert "None of 6 requests can be compared with “nothing”" in text_of(
        staff_client.get("/dashboard/savings/?baseline=nothing")
    )


def test_no_more_records_are_read_than_the_page_says(staff_client, shipped, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    page = text_of(staff_client.get("/dashboard/savings/"))
    assert "Of the last 2 answered requests, of 6 in this range." in page


def test_savings_are_told_by_policy(staff_client, shipped):
    rows = staff_client.get("/dashboard/savings/").content.decode().split('id="panel-savings_by_policy"')[1]
    assert "policy=cheap" in rows and "policy=balanced" in rows


def tile_of(page: str) -> str:
    return re.search(r"Savings (?!Latency)(.*?) Tokens ", page)[1]


def test_the_tile_on_the_first_page_says_what_the_page_of_savings_says(staff_client, shipped):
    answer = staff_client.get("/dashboard/")
    assert tile_of(text_of(answer)).strip() == "≈ $0.2800 2 of 6 not compared"
    tile = answer.content.decode().split(">Savings</div>")[1].split("</a>")[0]
    assert 'title="62.2 % of ≈ $0.4500 at the dearest eligible candidates, over 4 requests"' in tile and "<svg" in tile


def test_the_tile_compares_with_the_period_before_and_says_where_it_read_a_part(staff_client, tmp_path, monkeypatch):
    dear = {"a/small": 2, "b/large": 10}
    ship([asked(dear, "a/small", 2, 1), *(asked(dear, "a/small", 2, 70 + n) for n in range(4))], tmp_path / "spool")
    assert tile_of(text_of(staff_client.get("/dashboard/?range=1h"))).strip() == "≈ $0.0800 -75.0 % on before"
    monkeypatch.setattr(savingstile, "READ", 3)
    page = text_of(staff_client.get("/dashboard/?range=24h"))
    assert tile_of(page).strip() == "≈ 80.0 % the newest 3 of 5 answered"


def test_the_tile_has_a_dash_where_nothing_can_be_compared(staff_client, tmp_path):
    assert tile_of(text_of(staff_client.get("/dashboard/"))).strip() == "— nothing answered"
    ship([asked({"a/small": 2}, "a/small", None, 1)], tmp_path / "spool")
    assert tile_of(text_of(staff_client.get("/dashboard/"))).strip() == "— nothing to compare with"
