"""Does the page of savings compare what can be compared, and say what it compares with?"""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.savings import ASKED, DEAREST, FIRST, SPLIT_BY, saved, total
from dashboard.savingsteps import steps
from providers.models import Deployment, Provider
from providers.pricerows import DeploymentPrice
from providers.revisions import CATALOG, bump
from tests.dashboard.comparables import CENT, HOME, LARGE, SMALL, deploy, lately, six, stock, told
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import ship
from usage.models import RequestRollup
from usage.outcomes import AttemptOutcome
from usage.rollups import COMPARED_SUMS
from usage.selectors import Entities, TimeRange

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def catalogue(db):
    stock()


@pytest.fixture
def shipped(tmp_path):
    return six(tmp_path / "spool")


def hour() -> TimeRange:
    now = datetime.now(UTC)
    return TimeRange.around(now - timedelta(hours=1), now, now)


def found(baseline: str, entities: Entities = Entities()):  # noqa: B008 - frozen
    return total(saved([hour()], entities, baseline, datetime.now(UTC))[()])


def split(baseline: str):
    by_policy = saved([hour()], Entities(), baseline, datetime.now(UTC), SPLIT_BY)
    return total([sums for (sums,) in by_policy.values()])


def cents(baseline: str) -> tuple[float, ...]:
    sums = split(baseline)
    amounts = (sums.baseline, sums.routing, sums.cache, sums.local, sums.further, sums.paid)
    assert sums.unsplit == 0 and sums.split == sums.requests
    return tuple(amount / CENT for amount in amounts)


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


def test_the_steps_lead_from_the_baseline_to_what_was_paid(shipped):
    Provider.objects.filter(name="c").update(local=True)
    for baseline in (DEAREST, FIRST, ASKED, "small", "large", "home"):
        first, *between, last = steps(split(baseline))
        assert first.amount + sum(step.amount for step in between) == last.amount
        assert all(part.x >= 0 and part.x + part.width <= 1.0000001 for part in (first, *between, last))
        assert [step.label for step in between] == ["Routing", "Cache", "Local", "Further attempts"]


def test_what_ran_on_own_hardware_and_what_was_paid_for_nothing_are_steps_of_their_own(tmp_path):
    Provider.objects.filter(name="c").update(local=True)
    bump(CATALOG)
    failed = AttemptOutcome(
        index=1, deployment_id=2, deployment=LARGE, provider="b", model="large", status="failed", prompt_tokens=300,
        completion_tokens=0, cost_nano_usd=3 * CENT,
    )  # fmt: skip
    rescued = told(SMALL, (LARGE, SMALL), 2, 1, cost_nano_usd=5 * CENT, attempts_count=2)
    rescued.attempts[0].index = 2
    rescued.attempts.insert(0, failed)
    ship([rescued, told(HOME, (HOME, LARGE), 0, 2), told(LARGE, (LARGE, SMALL), 20, 3)], tmp_path / "spool")
    assert cents(DEAREST) == (60, 18, 0, 20, -3, 25)
    assert cents(FIRST) == (40, 18, 0, 0, -3, 25)
    assert cents("small") == (6, -18, 0, 2, -3, 25)


def test_a_cache_saves_what_the_baseline_would_not_have_saved_by_its_own(tmp_path):
    """1,000 tokens in, 800 of them from a cache. Uncached 1 cent at `e/half`, where cached ones cost half."""
    deploy("e/half", (10, 0), cached_input=5)
    deploy("f/tenth", (100, 0), cached_input=10)
    deploy("g/never", (100, 0))
    bump(CATALOG)
    both = told("e/half", ("f/tenth", "e/half"), None, 1, tokens=(1000, 0), cost_nano_usd=6_000_000)
    both.attempts[0].cached_tokens, both.attempts[0].cost_nano_usd = 800, 6_000_000
    ship([both], tmp_path / "spool")
    assert cents(FIRST) == (2.8, 9, 0.4 - 7.2, 0, 0, 0.6)
    assert cents("never") == (10, 9, 0.4, 0, 0, 0.6)
    assert cents("half") == (0.6, 0, 0, 0, 0, 0.6)
    assert split(DEAREST).cached_of_all == 4_000_000


def test_a_cache_at_an_unknown_price_leaves_the_steps_unknown(staff_client, tmp_path):
    one = told("d/unpriced", (LARGE, "d/unpriced"), 2, 1)
    one.attempts[0].cached_tokens = 800
    ship([one], tmp_path / "spool")
    sums = split(DEAREST)
    assert (sums.requests, sums.split, sums.unsplit // CENT) == (1, 0, 18)
    assert sums.cached_of_all is None


def test_what_was_shipped_before_the_steps_were_kept_is_not_told_apart(staff_client, shipped):
    kept = [name for name in COMPARED_SUMS if "split" in name or name.endswith(("_routing", "_cache", "_further"))]
    RequestRollup.objects.filter(provider="a").update(**dict.fromkeys(kept, 0))
    *_, untold, last = rows_of(staff_client, "savings/savings", range="1h")
    assert (untold, last) == (["Not told apart", "-0.33"], ["Paid", "0.29"])
    page = text_of(staff_client.get("/dashboard/savings/?range=1h"))
    assert "Not told apart 3 requests from before the steps were kept, or without the price that tells them" in page
    assert found(DEAREST).saved == 53 * CENT


def test_each_policy_has_the_steps_of_its_own(staff_client, shipped):
    policies = rows_of(staff_client, "savings/savings_by_policy", range="1h")
    assert policies[0][5:] == [
        "Saved by routing, USD", "Saved by cache, USD", "Saved by local models, USD", "Saved by further attempts, USD",
        "Saved by what is not told apart, USD", "Share saved, share",
    ]  # fmt: skip
    assert [row[:6] for row in policies[1:]] == [
        ["balanced", "4", "0.62", "0.29", "0.33", "0.33"], ["cheap", "1", "0.2", "0", "0.2", "0.2"],
    ]  # fmt: skip


def test_filters_leave_sums_that_belong_to_them(shipped):
    assert found(DEAREST, Entities(policy="cheap")).requests == 1
    keys = {one.key_id for one in shipped}
    assert sum(found(DEAREST, Entities(key_id=key)).saved for key in keys) == found(DEAREST).saved


def test_statement_19_the_baseline_in_the_address_changes_the_numbers_and_is_named(staff_client, shipped):
    dearest = text_of(staff_client.get("/dashboard/savings/?baseline=dearest"))
    assert "Against dearest eligible , routing saved $0.5300 (64.6 % of $0.8200 ), over 5 requests." in dearest
    assert "5 of 6 answered requests of this range. Not compared: 1, what they cost is unknown." in dearest
    small = text_of(staff_client.get("/dashboard/savings/?baseline=small"))
    assert "Against small , routing cost more: −$0.1900 saved" in small
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


@pytest.mark.parametrize("page", ["savings", "cost", "latency"])
def test_a_filter_that_fits_nothing_is_explained_once(staff_client, shipped, page):
    said = text_of(staff_client.get(f"/dashboard/{page}/?model=nothing"))
    assert said.count("Nothing matches these filters.") == 1
