"""What a worker has in hand of a budget: for the time when the database is away, and not at the cost of others."""

import asyncio

import pytest

from tenants.errors import BudgetExceeded, LimitsUnavailable
from tenants.ledger import PAUSE_S
from tenants.pockets import Need
from tests.tenants.ledgers import COST, ONE, REQUEST, database_away, drained, make, settled, tried, window, workers

pytestmark = pytest.mark.django_db(transaction=True)


async def test_money_for_the_next_minute_is_in_hand_before_the_database_is_away(monkeypatch):
    monkeypatch.setattr("tenants.ledger.TEND_S", 0.02)
    budgets = await make("1.0")  # a thousand requests; a slice is for 15
    async with workers(1) as (ledger,):
        holds = [await ledger.hold(budgets, REQUEST) for _ in range(50)]
        for hold in holds:
            hold.settle(COST, 1000)
        await settled(holds)
        async with asyncio.timeout(20):
            while not 40 * COST < (await window())[1] <= 60 * COST:  # what the last minute took
                await asyncio.sleep(0.05)
        assert (await window())[0] == 50 * COST
        async with database_away():
            late = [await ledger.hold(budgets, REQUEST) for _ in range(40)]
            for hold in late:
                hold.settle(COST, 1000)
        await settled(late)
        assert (await window())[0] == 90 * COST


async def test_what_one_has_in_hand_goes_to_others_when_little_is_left(monkeypatch):
    monkeypatch.setattr("tenants.ledger.TEND_S", 0.02)
    monkeypatch.setattr("tenants.pockets.NEWS_S", 0.1)
    budgets = await make("0.1")
    async with workers(2) as (one, other):
        (await one.hold(budgets, REQUEST)).settle(0, 0)
        holds = []
        for _ in range(100):
            hold = await tried(other, budgets)
            if isinstance(hold, BudgetExceeded):
                await asyncio.sleep(3)  # what the other has comes back meanwhile
                hold = await other.hold(budgets, REQUEST)
            holds.append(hold)
        assert isinstance(await tried(other, budgets), BudgetExceeded)
        assert len(holds) == 100


async def test_what_nobody_needs_goes_back_however_much_is_left(monkeypatch):
    monkeypatch.setattr("tenants.ledger.TEND_S", 0.02)
    monkeypatch.setattr("tenants.pockets.KEPT_S", 0.5)
    budgets = await make("1.0")
    async with workers(1) as (ledger,):
        (await ledger.hold(budgets, REQUEST)).settle(0, 0)
        assert (await window())[1] > 0
        await drained()
        await asyncio.sleep(0.5)
        assert await window() == (0, 0), "and is not fetched again"


async def test_only_what_is_leased_is_spent_while_the_database_is_away():
    budgets = await make("1.0")
    async with workers(1) as (ledger,):
        await ledger.hold(budgets, REQUEST)
        big = Need("p/m", ONE, 600_000, 0)
        async with database_away():
            with pytest.raises(LimitsUnavailable) as refused:
                await ledger.hold(budgets, big)
            assert refused.value.status == 503 and refused.value.retry_after_s
            assert await ledger.hold(budgets, REQUEST)  # the slice in hand goes on
        await asyncio.sleep(PAUSE_S)
        assert await ledger.hold(budgets, big)
