"""What is found: slow and failing deployments, prices and quality that changed, keys, budgets, machines; since when."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from dashboard.attention import Here, check, findings
from dashboard.board import Board, board, change
from profiling.models import GpuSample
from providers import attention as upstreams
from providers.attention import Notice
from providers.audit import Actor, difference, record, state
from providers.models import Deployment, LanguageModel, PriceListReading, Provider
from providers.ownprices import own_prices
from providers.pricerows import BEGINNING
from tenants.budgets import Budget, BudgetWindow
from tenants.models import ClientKey, Tenant
from tenants.periods import Period, span_of
from tests.dashboard.traffic import outcome, ship
from usage import attention as traffic
from usage.rollups import DAY, REQUEST_SUMS, KeyRollup
from usage.spool import Backlog

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_var")]
NOW = datetime.now(UTC).replace(microsecond=0)
NAME = "sandbox-openai/sandbox-mini"
DAYS = timedelta(days=3)


def told(at: datetime, number: int, ttft_ms: float = 100.0, error: str | None = None, status: str = "answered"):
    """A request of `NAME` alone, that waited so long for its first token or failed."""
    rng = random.Random(number)
    made = next(
        one
        for one in (outcome(at, rng) for _ in range(1000))
        if one.first_choice == NAME and len(one.attempts) == 1 and one.status == "answered"
    )
    (attempt,) = made.attempts
    attempt.first_token_ms, attempt.error = attempt.started_ms + ttft_ms, error
    attempt.status = "failed" if error else "answered"
    return replace(made, status=status, ttft_ms=ttft_ms, stream=True)


def course(first: timedelta, every: timedelta, count: int, **facts):
    """So many, the first so long ago."""
    return [told(NOW - first + n * every, n, **facts) for n in range(count)]


@pytest.fixture
def deployment(db) -> Deployment:
    provider = Provider.objects.create(name="acme", wire="openai", base_url="http://127.0.0.1:9/v1", local=True)
    model = LanguageModel.objects.create(name="small", quality=0.5)
    made = Deployment.objects.create(provider=provider, model=model, upstream_model="small")
    made.prices.create(effective_from=BEGINNING, input=3, output=10)
    return made


def minute_of(at: datetime) -> datetime:
    return at.replace(second=0)


def found(kind: str, source=traffic):
    return [each for each in source.notices(NOW) if each.level == kind]


def test_a_deployment_twice_as_slow_as_in_its_week_is_named_since_the_minute_it_began(tmp_path):
    usual = course(timedelta(days=5), timedelta(minutes=10), 700)
    slow = course(timedelta(minutes=110), timedelta(minutes=2), 54, ttft_ms=900.0)
    ship([*usual, *slow], tmp_path / "spool")
    (notice,) = found("slow")
    assert notice.what.startswith(f"{NAME} is ") and notice.about == f"slow {NAME}"
    assert notice.since == minute_of(NOW - timedelta(minutes=110))
    day = sum(one.started_us > (NOW - timedelta(days=1)).timestamp() * 1e6 for one in (*usual, *slow))
    assert abs(check(NOW).busiest[NAME] - day) <= 1, "sums begin at whole minutes"
    assert next(n for n in board().notices if n.level == "slow").requests == board().busiest[NAME]


@pytest.mark.parametrize(("count", "ttft_ms"), [(54, 150.0), (15, 900.0)])
def test_less_than_twice_or_too_few_to_tell_is_no_finding(tmp_path, count, ttft_ms):
    usual = course(timedelta(days=3), timedelta(minutes=20), 60)
    ship([*usual, *course(timedelta(minutes=55), timedelta(minutes=1), count, ttft_ms=ttft_ms)], tmp_path / "spool")
    assert not found("slow")


def test_errors_over_the_line_are_told_of_the_deployment_and_of_all_requests(tmp_path):
    well = course(timedelta(minutes=50), timedelta(minutes=1), 40)
    lost = course(timedelta(minutes=30), timedelta(minutes=3), 6, error="Overloaded", status="failed")
    refused = course(timedelta(minutes=20, seconds=30), timedelta(minutes=1), 9, status="rejected")
    ship([*well, *lost, *(replace(one, attempts=[]) for one in refused)], tmp_path / "spool")
    whole, one = found("failing")
    assert whole.effect == "6 of 46 that were waited for failed or broke off, after every attempt there was."
    assert whole.since == one.since == minute_of(NOW - timedelta(minutes=30))
    assert whole.what == "13.0 % of the requests of the last hour got no answer" and whole.requests == 6
    assert one.about == f"failing {NAME}" and one.effect == "6 of 46 attempts failed in 24 h."


def test_failures_since_before_the_hour_are_told_since_the_minute_and_one_long_before_is_not_it(tmp_path):
    well = course(timedelta(hours=5), timedelta(minutes=1), 298)
    early = course(timedelta(minutes=115), timedelta(minutes=1), 1, error="Overloaded", status="failed")
    lost = course(timedelta(minutes=64), timedelta(minutes=2), 30, error="Overloaded", status="failed")
    ship([*well, *early, *lost], tmp_path / "spool")
    whole, one = found("failing")
    assert whole.since == one.since == minute_of(NOW - timedelta(minutes=64))


def test_what_has_no_price_is_told_since_the_minute_while_minutes_are_kept_and_else_since_the_hour(tmp_path, db):
    def unpriced(first: timedelta, name: str, count: int):
        """The first so long ago, the others hourly."""
        made = [told(NOW - first + n * timedelta(hours=1), n) for n in range(count)]
        for one in made:
            one.provider, one.cost_nano_usd = name, None
            one.attempts[0].provider, one.attempts[0].cost_nano_usd = name, None
        return made

    ship(
        [*unpriced(timedelta(hours=50, minutes=7), "acme", 40), *unpriced(timedelta(days=5), "old", 115)],
        tmp_path / "spool",
    )
    since = {each.about: each.since for each in found("unpriced")}
    assert since[upstreams.unpriced_use("acme/sandbox-mini")] == minute_of(NOW - timedelta(hours=50, minutes=7))
    assert since[upstreams.unpriced_use("old/sandbox-mini")] == minute_of(NOW - timedelta(days=5)).replace(minute=0)


def test_two_failures_are_chance(tmp_path):
    lost = course(timedelta(minutes=30), timedelta(minutes=3), 2, error="Overloaded", status="failed")
    ship([*lost, *course(timedelta(minutes=20), timedelta(minutes=1), 5)], tmp_path / "spool")
    assert not found("failing")


def test_last_calls_that_failed_are_told_since_the_first_of_their_row(tmp_path):
    lost = course(timedelta(minutes=30), timedelta(minutes=3), 3, error="Overloaded", status="failed")
    ship([*course(timedelta(minutes=50), timedelta(minutes=1), 5), *lost], tmp_path / "spool")
    _, notice = found("failing")
    assert notice.what == f"{NAME}: its last 3 calls failed (provider overloaded or broken)"
    assert notice.since == NOW - timedelta(minutes=30)


def moved(made, name: str):
    """The same at another deployment."""
    for one in made:
        one.attempts[0].deployment = name
        one.attempts[0].provider, _, one.attempts[0].model = name.partition("/")
    return made


def test_an_outage_is_one_finding_until_a_call_or_a_test_reaches_the_provider(tmp_path):
    unreached = {"error": "Unreachable", "status": "failed"}
    first = course(timedelta(minutes=30), timedelta(minutes=2), 5, **unreached)
    other = moved(course(timedelta(minutes=29), timedelta(minutes=2), 4, **unreached), "sandbox-openai/sandbox-flash")
    ship([*first, *other], tmp_path / "spool")
    Provider.objects.create(name="sandbox-openai", wire="openai", base_url="http://127.0.0.1:9/v1", local=True)
    _, one = found("failing")
    assert one.what == "sandbox-openai cannot be reached: its last 9 calls failed (provider not reachable)"
    assert (one.about, one.requests) == ("outage sandbox-openai", 9)
    assert one.since == NOW - timedelta(minutes=30) and one.before, "no earlier call is known"
    Provider.objects.update(reached_at=NOW - timedelta(minutes=40))
    assert len(found("failing")) == 2, "that was before"
    Provider.objects.update(reached_at=NOW - timedelta(minutes=5))
    assert [each.about for each in found("failing")] == ["unanswered"]


def test_a_rate_of_errors_is_over_when_so_many_calls_in_a_row_are_no_chance(tmp_path):
    lost = course(timedelta(minutes=40), timedelta(minutes=1), 10, error="Overloaded")
    ship([*course(timedelta(minutes=59), timedelta(minutes=1), 18), *lost], tmp_path / "spool")
    assert found("failing")[-1].about == f"failing {NAME}"
    ship(course(timedelta(minutes=20), timedelta(minutes=1), 4), tmp_path / "few")
    assert found("failing")[-1].about == f"failing {NAME}", "four may be chance where a third failed"
    ship(course(timedelta(minutes=10), timedelta(minutes=1), 6), tmp_path / "more")
    assert not found("failing")


def test_what_lasts_keeps_the_since_of_its_first_sight(tmp_path):
    ship(course(timedelta(hours=26), timedelta(minutes=10), 156, error="Overloaded"), tmp_path / "spool")
    about = f"failing {NAME}"
    (first,) = [each for each in check(NOW).notices if each.about == about]
    assert first.before, "all attempts that were looked at failed"
    change(
        lambda told: replace(told, notices=tuple(replace(n, since=n.since and n.since - DAYS) for n in told.notices))
    )
    (later,) = [each for each in check(NOW + timedelta(minutes=1)).notices if each.about == about]
    assert later.since == first.since - DAYS and later.found == first.found
    (new,) = [each for each in check(NOW + timedelta(hours=2)).notices if each.about == about]
    assert new.since > first.since - DAYS + timedelta(days=2), "nobody looked for hours: whether it lasted is unknown"


def test_deployments_of_a_provider_that_is_away_stand_with_it():
    told = [
        Notice("away", "", "", about="outage acme", level="open", since=NOW),
        Notice("fails", "", "", about="failing acme/small", level="failing"),
        Notice("fails", "", "", about="failing acme-2/small", level="failing"),
        Notice("cannot be reached", "", "", about="outage acme", level="failing", since=NOW - DAYS, before=True),
    ]
    known = replace(Board(), checked_at=NOW, notices=tuple(told))
    one, other = findings(known, Here(), NOW).open
    assert {one.notice.about, other.notice.about} == {"outage acme", "failing acme-2/small"}
    away = next(each.notice for each in (one, other) if each.notice.about == "outage acme")
    assert away.since == NOW - DAYS and away.before


def test_a_key_that_nobody_uses_is_told_and_one_that_is_used_or_young_is_not(db):
    tenant = Tenant.objects.create(name="team")
    keys = [ClientKey.objects.create(tenant=tenant, name=n, prefix=n, digest=n) for n in ("a", "b", "c", "d")]
    ClientKey.objects.exclude(name="d").update(created_at=NOW - timedelta(days=200))
    sums = dict.fromkeys(REQUEST_SUMS, 1)
    for key, days in ((keys[0], 120), (keys[1], 3)):
        start = int((NOW - timedelta(days=days)).timestamp()) // DAY * DAY
        KeyRollup.objects.create(tenant_id=tenant.pk, grain=DAY, bucket=start, key_id=key.pk, **sums)
    first, second = found("unused")
    assert (first.what, second.what) == ("team/a was not used for 90 days", "team/c was never used")
    assert NOW - first.since < timedelta(days=121) and second.since == NOW - timedelta(days=200)
    assert first.tenant == tenant.pk and first.requests == 0


def test_a_price_that_changed_this_week_is_told_with_both_values(deployment):
    assert not found("changed", upstreams)
    deployment.prices.create(effective_from=NOW - timedelta(days=2), input=Decimal("2.5"), output=10)
    deployment.prices.create(effective_from=NOW + timedelta(days=2), input=9, output=9)
    (notice,) = found("changed", upstreams)
    assert notice.what == "acme/small: its price changed" and notice.effect.startswith("input 3 -> 2.5 (-17 %); USD")
    assert notice.since == NOW - timedelta(days=2) and notice.traffic == "acme/small"
    assert not [n for n in upstreams.notices(NOW + timedelta(days=6)) if "9" not in n.effect and n.level == "changed"]


def test_a_prior_of_quality_that_somebody_changed_is_told_with_who(deployment):
    model = deployment.model
    for quality in (0.6, 0.9):
        before = state(model)
        model.quality = quality
        model.save()
        record(Actor("olga", "admin"), "changed", model, difference(before, state(model)))
    (notice,) = [n for n in upstreams.notices(datetime.now(UTC)) if n.level == "changed"]
    assert notice.what == "small: its quality changed" and notice.effect.startswith("quality 0.6 -> 0.9, by olga.")


def test_an_old_price_list_is_told(deployment, settings):
    settings.PRICE_LIST = ""
    read = datetime.combine(own_prices().checked_on, datetime.min.time(), UTC)
    for days, many in ((90, 0), (91, 1)):
        told_then = [n for n in upstreams.notices(read + timedelta(days=days)) if n.about == "price list"]
        assert len(told_then) == many
    settings.PRICE_LIST = "litellm"
    assert not found("stale", upstreams), "it was never read: the job's failure says why"
    PriceListReading.objects.create(list_name="litellm", url="", read_at=NOW - timedelta(days=4), entries=1)
    (notice,) = found("stale", upstreams)
    assert notice.since == NOW - timedelta(days=4) and "not proposed" in notice.effect


def test_a_full_gpu_is_told_since_it_is_full_and_one_that_nobody_sees_is_not(db):
    def sample(gpu: str, minutes: int, used: int) -> None:
        taken = NOW - timedelta(minutes=minutes)
        GpuSample.objects.create(taken_at=taken, host="box", gpu=gpu, name="RTX", used_bytes=used, total_bytes=100)

    for minutes, used in ((15, 50), (10, 95), (5, 92)):
        sample("one", minutes, used)
    sample("two", 5, 89)
    sample("gone", 60, 99)
    (notice,) = [n for n in check(NOW).notices if n.level == "full"]
    assert notice.what == "RTX on box: 8 % of its memory is free"
    assert notice.since == NOW - timedelta(minutes=10)


def test_a_journal_that_lags_and_a_disk_that_fills_are_told_of_this_machine(db):
    assert not list(traffic.of_machine(Backlog(5, 9.9), 0.11, NOW))
    lag, disk = traffic.of_machine(Backlog(1200, 75.0), 0.04, NOW)
    assert lag.what == "1,200 records wait in the journal, the oldest for 75 s"
    assert lag.since == NOW - timedelta(seconds=75) and lag.requests == 1200
    assert disk.what == "The journal's disk has 4.0 % free" and disk.since is None
    here = Here(backlog=Backlog(1200, 75.0))
    assert [one.notice.about for one in findings(Board(checked_at=NOW), here, NOW).open] == ["journal"]
    assert not findings(Board(checked_at=NOW), here, NOW, frozenset({1})).open, "it counts everybody's records"


def test_a_budget_that_will_not_last_is_told_with_what_a_day_costs(tmp_path):
    tenant = Tenant.objects.create(pk=1, name="demo")
    budget = Budget.objects.create(tenant=tenant, limit_usd=Decimal(1), period="total", alerts=[80])
    spent = [
        replace(told(NOW - timedelta(hours=6 + 12 * n), n), tenant_id=1, tenant="demo", cost_nano_usd=50_000_000)
        for n in range(12)
    ]
    for one in spent:
        one.attempts[0].cost_nano_usd = 50_000_000
    ship(spent, tmp_path / "spool")
    start = span_of(Period.TOTAL, "UTC", NOW.timestamp()).start
    BudgetWindow.objects.create(budget=budget, start=start, spent=600_000_000)
    notice = next(n for n in check(NOW).notices if n.about == f"budget {budget.pk}")
    assert notice.level == "short" and "runs out on" in notice.what and notice.tenant == 1
    assert notice.nano_usd == pytest.approx(100_000_000, rel=0.05)
    BudgetWindow.objects.update(spent=900_000_000)
    check(NOW)
    told_of_it = [one for one in findings(board(), Here(), NOW).open if one.notice.about == f"budget {budget.pk}"]
    assert len(told_of_it) == 1, "the forecast and the threshold say the same"
