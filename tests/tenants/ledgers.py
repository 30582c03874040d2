"""Ledgers of several workers before one database, and what the database says of them."""

import asyncio
import time
from contextlib import asynccontextmanager
from decimal import Decimal

from django.db import connection, transaction

from providers.targets import Price
from tenants.budgets import Budget, BudgetWindow
from tenants.errors import BudgetExceeded
from tenants.keyring import load_keyring
from tenants.keys import digest, issue
from tenants.ledger import Ledger
from tenants.models import Tenant
from tenants.pockets import Need
from tenants.settling import settle

ONE = Price(input=1_000_000, output=1_000_000)  # a thousand tokens cost 0.001 USD
REQUEST = Need("p/m", ONE, 600, 400)
COST = 1_000_000  # nano-dollars of it


def budget(usd=None, tokens=None, **fields):
    """A tenant with one budget and one key; the budgets as a worker sees them."""
    tenant, _ = Tenant.objects.get_or_create(name="team")
    limit = {"limit_usd": None if usd is None else Decimal(usd), "limit_tokens": tokens}
    Budget.objects.create(tenant=tenant, **limit, **fields)
    row, plain = issue(tenant, f"key{time.time_ns()}")
    return load_keyring().callers[digest(plain)].budgets


async def in_thread(ask, *arguments, **fields):
    """The database has no place on an event loop, and a thread's connection none in a pool."""

    def work():
        try:
            return ask(*arguments, **fields)
        finally:
            connection.close()

    return await asyncio.to_thread(work)


async def make(*arguments, **fields):
    return await in_thread(budget, *arguments, **fields)


async def window():
    return await in_thread(lambda: BudgetWindow.objects.values_list("spent", "leased").get())


async def drained():
    """Return when nothing is leased any more."""
    async with asyncio.timeout(20):
        while (await window())[1]:
            await asyncio.sleep(0.05)


async def settled(holds):
    with_atomic = transaction.atomic(settle)
    return await in_thread(with_atomic, [charge for hold in holds for charge in hold.charges])


@asynccontextmanager
async def workers(count, **options):
    ledgers = [Ledger(f"worker-{number}", **options) for number in range(count)]
    yield ledgers
    for ledger in ledgers:
        await ledger.close()


async def tried(ledger, budgets, need=REQUEST):
    try:
        return await ledger.hold(budgets, need)
    except BudgetExceeded as exc:
        return exc


@asynccontextmanager
async def database_away():
    await in_thread(rename, "tenants_budgetwindow", "elsewhere")
    try:
        yield
    finally:
        await in_thread(rename, "elsewhere", "tenants_budgetwindow")


def rename(table, name):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")
