"""A budget that is changed while workers have some of it in hand: what it says now holds, for what begins now."""

import asyncio
import time
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tenants.budgets import Budget
from tenants.errors import BudgetExceeded
from tenants.lending import Ask, exchange
from tenants.periods import Period, span_of
from tests.tenants.ledgers import COST, REQUEST, drained, in_thread, make, settled, tried, window, workers

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_is_in_hand_is_not_spent_beyond_a_limit_that_was_lowered():
    budgets = await make("1.0")
    async with workers(1) as (ledger,):
        held = [await ledger.hold(budgets, REQUEST)]
        assert (await window())[1] > 10 * COST, "a slice for more than one request"
        await in_thread(Budget.objects.update, limit_usd=Decimal("0.003"))
        lowered = (replace(budgets[0], limit=3 * COST),)
        answers = [await tried(ledger, lowered) for _ in range(5)]
        held += [each for each in answers if not isinstance(each, BudgetExceeded)]
        assert len(held) == 3
        for hold in held:
            hold.settle(COST, 1000)
        await settled(held)
        await drained()
        assert await window() == (3 * COST, 0)


async def test_a_slice_that_is_on_its_way_when_the_limit_is_lowered_is_not_spent_either():
    budgets = await make("1.0")
    async with workers(1) as (ledger,):
        waiting = asyncio.create_task(tried(ledger, budgets))
        await asyncio.sleep(0)  # it asks the database now
        await in_thread(Budget.objects.update, limit_usd=Decimal("0.001"))
        await waiting
        lowered = (replace(budgets[0], limit=COST),)
        assert isinstance(await tried(ledger, lowered), BudgetExceeded)


async def test_what_goes_back_goes_back_once_where_the_answer_was_lost_and_it_is_said_again():
    budgets = await make("1.0")
    lent = await in_thread(exchange, "worker", [Ask(budgets[0].id, start(budgets), 0, needs=(10 * COST,))])
    given = Ask(budgets[0].id, start(budgets), 6 * COST)  # the rest is idle
    for _ in range(2):
        lent = await in_thread(exchange, "worker", [given])
    assert lent[0].granted == 6 * COST == (await window())[1]


def start(budgets):
    return span_of(Period(budgets[0].period), budgets[0].zone, time.time()).start


async def test_another_time_zone_begins_another_window_at_once():
    now = [1_800_000_000.0]  # 08:00 in UTC, 17:00 in Tokyo
    budgets = await make("0.003", period="day")
    async with workers(1, clock=lambda: now[0]) as (ledger,):
        old = await ledger.hold(budgets, REQUEST)
        moved = (replace(budgets[0], zone="Asia/Tokyo"),)
        new = await ledger.hold(moved, REQUEST)
        assert new.charges[0].start == old.charges[0].start - 9 * 3600


async def test_another_period_is_counted_from_its_own_beginning():
    now = [1_800_000_000.0]  # a Friday, the 15th
    budgets = await make("0.003", period="total")
    async with workers(1, clock=lambda: now[0]) as (ledger,):
        starts: dict[str, int] = {}
        for period in ("total", "month", "week", "day", "total"):
            hold = await ledger.hold((replace(budgets[0], period=period),), REQUEST)
            starts[period] = hold.charges[0].start
        assert starts["total"] == 0 and len(set(starts.values())) == 4


async def test_two_periods_that_begin_together_share_what_is_in_hand():
    now = [1_800_000_000.0 - 4 * 86_400]  # a Monday: its day and its week begin together
    budgets = await make("0.003", period="day")
    async with workers(1, clock=lambda: now[0]) as (ledger,):
        assert await ledger.hold(budgets, REQUEST)
        weekly = (replace(budgets[0], period="week"),)
        answers = [await tried(ledger, weekly) for _ in range(4)]
        assert [isinstance(each, BudgetExceeded) for each in answers] == [False, False, True, True]
        now[0] += 86_400
        assert isinstance(await tried(ledger, weekly), BudgetExceeded), "on Tuesday it is the same week"
