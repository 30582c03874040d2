"""Does the page of savings compare what can be compared, and say what it compares with?"""

import random
import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec import Raw

from dashboard.savings import ASKED, DEAREST, FIRST, parts, saved, total
from providers.models import Deployment, LanguageModel, Provider
from providers.pricerows import BEGINNING, DeploymentPrice
from providers.revisions import CATALOG, bump
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import outcome, ship
from usage.models import RequestRollup
from usage.outcomes import AttemptOutcome
from usage.rollups import COMPARED_SUMS
from usage.selectors import Entities, TimeRange

pytestmark = pytest.mark.django_db
CENT = 10**7
SMALL, LARGE, HOME = "a/small", "b/large", "c/home"
PRICES = {SMALL: (10, 20), LARGE: (100, 200), HOME: (0, 0), "d/unpriced": None}  # USD per million tokens


@pytest.fixture(autouse=True)
def catalogue(db):
    for name, price in PRICES.items():
        deploy(name, price)
    bump(CATALOG)


def deploy(name: str, price: tuple[float, float] | None, **more: object) -> Deployment:
    provider, model = name.split("/")
    found = Deployment.objects.create(
        provider=Provider.objects.get_or_create(name=provider, base_url="http://127.0.0.1:9/v1")[0],
        model=LanguageModel.objects.get_or_create(name=model)[0],
        upstream_model=model,
    )
    if price:
        facts = {"effective_from": BEGINNING, "input": price[0], "output": price[1]} | more
        DeploymentPrice.objects.create(deployment=found, **facts)
    return found


def lately() -> datetime:
    """Of the moment when a test runs: a long suite reads this file half an hour before it runs it."""
    return datetime.now(UTC) - timedelta(minutes=2)


def told(served: str, candidates: tuple[str, ...], cost: int | None, minutes: float = 0, tokens=(1000, 500), **facts):
    """An answered request: 1,000 tokens in and 500 out make 2 cents at `SMALL` and 20 at `LARGE`. `cost` in cents."""
    provider, _, model = served.partition("/")
    cost = None if cost is None else cost * CENT
    attempt = AttemptOutcome(
        index=1, deployment_id=1, deployment=served, provider=provider, model=model, status="answered", committed=True,
        prompt_tokens=tokens[0], completion_tokens=tokens[1], cost_nano_usd=cost, estimated=facts.pop("guess", False),
    )  # fmt: skip
    listed = [{"rank": rank, "deployment": name} for rank, name in enumerate(candidates, 1)]
    facts = {
        "status": "answered", "provider": provider, "model": model, "cost_nano_usd": cost, "attempts": [attempt],
        "attempts_count": 1, "failovers": 0, "asked_model": "auto", "policy": "balanced", "first_choice": candidates[0],
        "decision": Raw(msgspec.json.encode({"candidates": listed} | facts.pop("decided", {}))),
    } | facts  # fmt: skip
    return outcome(lately() - timedelta(minutes=minutes), random.Random(minutes), **facts)


@pytest.fixture
def shipped(tmp_path):
    """Six answered requests: of one the cost is unknown."""
    both = (SMALL, LARGE)
    outcomes = [
        told(SMALL, both, 2, 1, asked_model="small"),
        told(LARGE, (LARGE, SMALL), 20, 2),
        told(HOME, (HOME, *both), 0, 3, policy="cheap"),
        told(SMALL, (LARGE, SMALL), 5, 4, attempts_count=2),  # a failed attempt at LARGE was paid for, too
        told("d/unpriced", (*both, "d/unpriced"), None, 5),
        told(SMALL, (SMALL, "d/unpriced"), 2, 6),
    ]
    ship(outcomes, tmp_path / "spool")
    return outcomes


def hour() -> TimeRange:
    now = datetime.now(UTC)
    return TimeRange.around(now - timedelta(hours=1), now, now)


def found(baseline: str, entities: Entities = Entities()):  # noqa: B008 - frozen
    return total(saved([hour()], entities, baseline, datetime.now(UTC)).get("", []))


def by_model(baseline: str):
    return {model: sums[0] for model, sums in saved([hour()], Entities(), baseline, datetime.now(UTC), "model").items()}


def test_the_dearest_candidate_is_charged_for_the_tokens_that_were_counted(shipped):
    sums = found(DEAREST)
    assert (sums.answered, sums.requests, sums.unpriced, sums.earlier) == (6, 5, 1, 0)
    assert (sums.baseline // CENT, sums.paid // CENT) == (20 + 20 + 20 + 20 + 2, 2 + 20 + 0 + 5 + 2)


def test_a_free_answer_saves_what_its_own_tokens_would_have_cost(tmp_path):
    """And not what an answer of the usual length would have: short answers save little."""
    expected = {"expected_cost_nano_usd": 10**12}
    decided = {"candidates": [{"deployment": HOME} | expected, {"deployment": LARGE} | expected]}
    ship([told(HOME, (HOME, LARGE), 0, 1, tokens=(10, 5), decided=decided)], tmp_path / "spool")
    assert found(DEAREST).saved == 10 * 100_000 + 5 * 200_000


def test_statement_19_against_a_cheap_model_the_savings_are_negative(shipped):
    sums = found("small")
    assert (sums.requests, sums.baseline // CENT, sums.saved // CENT) == (5, 10, 10 - 29)
    assert found("a/small") == sums


def test_as_asked_compares_requests_that_name_a_model(shipped):
    sums = found(ASKED)
    assert (sums.requests, sums.baseline // CENT, sums.paid // CENT, sums.unmatched) == (1, 2, 2, 4)


def test_the_first_choice_tells_what_failovers_cost(shipped):
    sums = found(FIRST)
    assert (sums.requests, sums.baseline // CENT, sums.paid // CENT) == (5, 2 + 20 + 0 + 20 + 2, 29)


def test_a_model_is_priced_as_it_was_at_the_time(tmp_path):
    """Sums are cut where its price changed."""
    change = (lately() - timedelta(minutes=10)).replace(second=0, microsecond=0)
    deploy("e/other", (1000, 1000))
    DeploymentPrice.objects.create(
        deployment=Deployment.objects.get(model__name="other"), effective_from=change, input=2000, output=2000
    )
    ship([told(SMALL, (SMALL,), 2, minutes, tokens=(1000, 0)) for minutes in (5, 20, 30)], tmp_path / "spool")
    assert found("other").baseline == (2000 + 1000 + 1000) * 1_000_000
    assert found("nothing").requests == 0


def test_a_price_with_tiers_gives_the_least_where_prompts_may_have_reached_them(tmp_path):
    deploy("e/other", (1, 1), tiers=[{"above": 200_000, "input": 2, "output": 2}])
    ship([told(SMALL, (SMALL,), 2, 1)], tmp_path / "spool")
    assert (found("other").baseline, found("other").at_least) == (1_500_000, False)
    ship([told(SMALL, (SMALL,), 2, 2, tokens=(300_000, 0))], tmp_path / "more")
    assert (found("other").baseline, found("other").at_least) == (301_500_000, True)


def test_the_dearest_of_many_candidates_counts_though_the_record_does_not_list_it(tmp_path):
    ship([told(SMALL, (SMALL,), 2, 1, decided={"dearest_unlisted": LARGE})], tmp_path / "spool")
    assert found(DEAREST).baseline == 20 * CENT


def test_what_was_shipped_before_baselines_were_kept_is_unknown(staff_client, shipped):
    RequestRollup.objects.filter(model="small").update(**dict.fromkeys(COMPARED_SUMS, 0))
    sums = found(DEAREST)
    assert (sums.answered, sums.earlier, sums.requests) == (6, 3, 2)
    page = text_of(staff_client.get("/dashboard/savings/?range=1h"))
    assert "2 of 6 answered requests of this range. Not compared: 3, from before baselines were kept." in page


def test_the_line_begins_where_baselines_are_kept(staff_client, tmp_path):
    ship([told(SMALL, (LARGE, SMALL), 2, 30)], tmp_path / "spool")
    RequestRollup.objects.update(**dict.fromkeys(COMPARED_SUMS, 0))
    ship([told(SMALL, (LARGE, SMALL), 2, 1)], tmp_path / "more")
    values = [row[-1] for row in rows_of(staff_client, "savings/savings_over_time", range="1h")]
    assert set(values[1:]) == {"", "0", "0.18"} and values.count("") > 20
    assert "$0.1800 saved in all, over 1 request, since" in text_of(staff_client.get("/dashboard/savings/?range=1h"))


def test_the_parts_lead_from_the_baseline_to_what_was_paid(shipped):
    for baseline in (DEAREST, FIRST, "small", "large", "home"):
        first, *steps, last = parts(by_model(baseline))
        assert first.amount + sum(step.amount for step in steps) == last.amount
        assert all(part.x >= 0 and part.x + part.width <= 1.0000001 for part in (first, *steps, last))
    assert [part.label for part in parts(by_model(DEAREST))] == [
        *("Baseline", "small answered", "home answered", "large answered", "Paid")
    ]


def test_filters_leave_sums_that_belong_to_them(shipped):
    assert found(DEAREST, Entities(policy="cheap")).requests == 1
    keys = {one.key_id for one in shipped}
    assert sum(found(DEAREST, Entities(key_id=key)).saved for key in keys) == found(DEAREST).saved


def test_statement_19_the_baseline_in_the_address_changes_the_numbers_and_is_named(staff_client, shipped):
    dearest = text_of(staff_client.get("/dashboard/savings/?baseline=dearest"))
    assert "Against dearest eligible , routing saved $0.5300 (64.6 % of $0.8200 ), over 5 requests." in dearest
    assert "5 of 6 answered requests of this range. Not compared: 1, what they cost is unknown." in dearest
    small = text_of(staff_client.get("/dashboard/savings/?baseline=small"))
    assert "Against small , routing cost more: -$0.1900 saved" in small
    assert 'href="/dashboard/savings/?baseline=large"' in staff_client.get("/dashboard/savings/").content.decode()


def test_a_baseline_that_nobody_has_compares_nothing_and_says_so(staff_client, shipped):
    page = text_of(staff_client.get("/dashboard/savings/?baseline=nothing"))
    assert "None of 6 answered requests can be compared with “nothing”" in page
    assert "Not compared: 5, no price of nothing is known from then." in page


def test_estimated_tokens_are_marked(staff_client, tmp_path):
    ship([told(SMALL, (LARGE, SMALL), 2, 1, guess=True)], tmp_path / "spool")
    page = text_of(staff_client.get("/dashboard/savings/"))
    assert "routing saved ≈ $0.1800" in page and "≈: 1 with tokens that are our estimate." in page


def test_savings_are_told_by_policy(staff_client, shipped):
    rows = staff_client.get("/dashboard/savings/").content.decode().split('id="panel-savings_by_policy"')[1]
    assert "policy=cheap" in rows and "policy=balanced" in rows


def tile_of(answer) -> str:
    tile = answer.content.decode().split(">Savings</div>")[1].split("</a>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", tile).split())


def test_the_tile_on_the_first_page_says_what_the_page_of_savings_says(staff_client, shipped):
    answer = staff_client.get("/dashboard/")
    assert tile_of(answer) == "$0.5300 no earlier data 1 of 6 not compared"
    tile = answer.content.decode().split(">Savings</div>")[1].split("</a>")[0]
    assert 'title="64.6 % of $0.8200 at the dearest eligible candidates, over 5 requests"' in tile and "<svg" in tile


def test_the_tile_compares_with_the_period_before(staff_client, tmp_path):
    both = (LARGE, SMALL)
    ship([told(SMALL, both, 2, 1), *(told(SMALL, both, 2, 70 + n) for n in range(4))], tmp_path / "spool")
    assert tile_of(staff_client.get("/dashboard/?range=1h")) == "$0.1800 -75.0 % vs previous period"


def test_the_tile_has_a_dash_where_nothing_can_be_compared(staff_client, tmp_path):
    assert tile_of(staff_client.get("/dashboard/")) == "$0.00 nothing answered"
    ship([told("d/unpriced", ("d/unpriced",), None, 1)], tmp_path / "spool")
    assert tile_of(staff_client.get("/dashboard/")) == "— nothing to compare with"


@pytest.mark.parametrize("page", ["savings", "cost", "latency"])
def test_a_filter_that_fits_nothing_is_explained_once(staff_client, shipped, page):
    said = text_of(staff_client.get(f"/dashboard/{page}/?model=nothing"))
    assert said.count("Nothing matches these filters.") == 1
