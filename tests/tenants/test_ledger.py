"""Money is set aside before it is spent, in several workers, and comes back exactly."""

import asyncio

import pytest
from msgspec.structs import replace

from providers.targets import Price
from tenants.budgets import BudgetLease, BudgetWindow
from tenants.errors import BudgetExceeded
from tenants.pockets import Need
from tenants.settling import release
from tests.tenants.ledgers import COST, REQUEST, in_thread, make, settled, tried, window, workers

pytestmark = pytest.mark.django_db(transaction=True)


async def test_as_many_are_held_as_the_budget_covers_and_not_one_more():
    budgets = await make("0.0075")
    async with workers(1) as (ledger,):
        answers = await asyncio.gather(*[tried(ledger, budgets) for _ in range(20)])
        holds = [each for each in answers if not isinstance(each, BudgetExceeded)]
        assert len(holds) == 7
        refused = next(each for each in answers if isinstance(each, BudgetExceeded))
        assert (refused.status, refused.code, refused.retry) == (402, "insufficient_quota", False)
        assert "team: 0.0075 USD per month" in refused.message and "begins anew at" in refused.message
        assert "0.001 USD" in refused.message  # what the request may cost


async def test_several_workers_never_exceed_the_limit_and_all_comes_back():
    budgets = await make("0.050")
    async with workers(4) as ledgers:
        held = []

        async def ask(number):
            hold = await tried(ledgers[number % 4], budgets)
            if isinstance(hold, BudgetExceeded):
                return
            held.append(hold)
            await asyncio.sleep(0.01 * (number % 3))
            hold.settle(COST - number % 2, 1000)  # half of them cost a little less

        await asyncio.gather(*[ask(number) for number in range(200)])
        spent, leased = await window()
        assert spent == 0 and leased <= 50 * COST
        assert 48 <= len(held) <= 50
        await settled(held)
        spent, _ = await window()
        assert spent == sum(charge.amount for hold in held for charge in hold.charges) <= 50 * COST
        for _ in range(40):
            if (await window())[1] == 0:
                break
            await asyncio.sleep(0.1)
        assert (await window())[1] == 0


async def test_what_a_settled_hold_did_not_need_covers_the_next():
    budgets = await make("0.001")
    async with workers(1) as (ledger,):
        for _ in range(5):
            hold = await ledger.hold(budgets, REQUEST)
            assert isinstance(await tried(ledger, budgets), BudgetExceeded)
            hold.settle(0, 0)
            hold.settle(COST, 1000)  # only the first counts
        assert [charge.amount for charge in hold.charges] == [0]


async def test_a_slice_saves_the_round_trips_of_the_next():
    budgets = await make("1.0")
    async with workers(1) as (ledger,):
        holds = [await ledger.hold(budgets, REQUEST)]
        await in_thread(lambda: BudgetWindow.objects.all().delete())  # whoever asked again would start over
        holds += [await ledger.hold(budgets, REQUEST) for _ in range(14)]
        assert not await in_thread(BudgetWindow.objects.exists)


async def test_budgets_in_tokens_of_keys_and_soft_ones_count_side_by_side():
    await make("100", kind="soft")
    budgets = await make(None, 2500)
    assert [spec.hard for spec in budgets] == [False, True]
    async with workers(1) as (ledger,):
        holds = [await ledger.hold(budgets, REQUEST) for _ in range(2)]
        assert isinstance(await tried(ledger, budgets), BudgetExceeded)
        for hold in holds:
            hold.settle(COST, 900)
        assert [(c.unit, c.amount, c.lease) for c in holds[0].charges] == [
            ("usd", COST, None),
            ("tokens", 900, "worker-0"),
        ]
        await settled(holds)

        def spent():
            return {w.budget.unit: w.spent for w in BudgetWindow.objects.select_related("budget")}

        assert await in_thread(spent) == {"usd": 2 * COST, "tokens": 1800}


async def test_an_unknown_price_is_refused_unless_the_budget_allows_it():
    unpriced = Need("p/free", None, 600, 400)
    budgets = await make("1")
    async with workers(1) as (ledger,):
        with pytest.raises(BudgetExceeded, match="p/free has no price"):
            await ledger.hold(budgets, unpriced)
        allowing = (replace(budgets[0], allows_unpriced=True),)
        assert (await ledger.hold(allowing, unpriced)).charges[0].amount == 0


async def test_what_is_free_is_held_without_the_database():
    budgets = await make("0")
    async with workers(1) as (ledger,):
        assert await ledger.hold(budgets, Need("local/m", Price(0, 0), 600, 400))
        assert isinstance(await tried(ledger, budgets), BudgetExceeded)


async def test_a_cost_above_the_worst_case_is_charged_and_nothing_more_is_granted():
    budgets = await make("0.002")
    async with workers(2) as (one, other):
        hold = await one.hold(budgets, REQUEST)
        hold.settle(5 * COST, 5000)
        await settled([hold])
        spent, leased = await window()
        assert (spent, leased) == (5 * COST, 0)
        for ledger in (one, other):
            assert isinstance(await tried(ledger, budgets), BudgetExceeded)


async def test_a_dead_worker_s_lease_comes_back_when_it_is_released():
    budgets = await make("1.0")
    async with workers(1) as (ledger,):
        hold = await ledger.hold(budgets, REQUEST)
        hold.settle(COST, 1000)
    await settled([hold])
    assert (await window())[1] > 0
    assert await in_thread(release, "worker-0") == 1
    assert await window() == (COST, 0)
    assert not await in_thread(BudgetLease.objects.exists)
    await settled([hold])  # a row that was set aside and comes late is spent, though nothing is leased any more
    assert await window() == (2 * COST, 0)


async def test_a_clock_set_back_over_midnight_finds_its_pockets_as_they_were():
    budgets = await make("0.003", period="day")
    now = [1_800_000_000.0]
    async with workers(1, clock=lambda: now[0]) as (ledger,):
        first = [await ledger.hold(budgets, REQUEST) for _ in range(3)]
        for hold in first:
            hold.settle(COST, 1000)
        now[0] += 86_400
        assert await ledger.hold(budgets, REQUEST)
        now[0] -= 86_400
        assert isinstance(await tried(ledger, budgets), BudgetExceeded)
        await settled(first)
        now[0] -= 3600 if now[0] % 86_400 > 3600 else -3600
        assert isinstance(await tried(ledger, budgets), BudgetExceeded)


async def test_a_client_that_leaves_while_it_waits_leaves_nothing_held():
    budgets = await make("0.001")
    async with workers(1) as (ledger,):
        for delay in (0, 0, 0.001, 0.002, 0.005):
            task = asyncio.create_task(ledger.hold(budgets, REQUEST))
            await asyncio.sleep(delay)
            if task.done():
                task.result().settle(0, 0)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                task.result().settle(0, 0)
        hold = await ledger.hold(budgets, REQUEST)
        assert hold.charges[0].amount == COST


async def test_the_cheaper_policy_is_due_when_little_is_left():
    budgets = await make("0.010", low_percent=50, low_policy="cheap")
    async with workers(1) as (ledger,):
        assert ledger.low_policy(budgets) is None
        for _ in range(5):
            (await ledger.hold(budgets, REQUEST)).settle(COST, 1000)
        assert ledger.low_policy(budgets) is None
        (await ledger.hold(budgets, REQUEST)).settle(COST, 1000)
        assert ledger.low_policy(budgets) == "cheap"


async def test_thresholds_are_told_once_when_they_are_passed():
    budgets = await make("0.010", alerts=[50, 100])
    async with workers(1) as (ledger,):
        told = []
        for _ in range(10):
            hold = await ledger.hold(budgets, REQUEST)
            hold.settle(COST, 1000)
            told += await settled([hold])
        assert [(each.percent, each.spent) for each in told] == [(50, 5 * COST), (100, 10 * COST)]
