"""Do the sandbox's own log, our records, what clients heard and the budgets agree? Shared by the long benchmarks."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise

import psycopg

from bench.clients import Clients, Log
from bench.production import Production
from bench.services import Postgres
from providers.sandbox.testing import Received
from tests.run.installation import web_workers

RECORDS = """SELECT r.session, r.status, r.error, count(a.id), count(DISTINCT r.id)
    FROM usage_requestrecord r LEFT JOIN usage_attemptrecord a ON a.request_id = r.id
    WHERE r.session IS NOT NULL GROUP BY r.session, r.status, r.error"""
HOLDERS = "SELECT holder, granted - settled, seen_at FROM tenants_budgetlease WHERE granted > settled"
LEASED = "SELECT coalesce(sum(leased), 0) FROM tenants_budgetwindow"
MONEY = """SELECT t.name, b.limit_usd * 1000000000, w.spent, w.leased,
        (SELECT coalesce(sum(r.cost_nano_usd), 0) FROM usage_requestrecord r WHERE r.tenant = t.name)
    FROM tenants_budgetwindow w
        JOIN tenants_budget b ON b.id = w.budget_id JOIN tenants_tenant t ON t.id = b.tenant_id"""


def settled(postgres: Postgres, installation: Production, patience_s: float = 150) -> float:
    """Wait until nothing more is recorded and what the killed workers left is buried; return the seconds it took."""
    began, last, spool = time.monotonic(), -1, installation.var / "spool"
    while time.monotonic() - began < patience_s:
        with suppress(psycopg.Error):
            count = postgres.rows("SELECT count(*) FROM usage_requestrecord")[0][0]
            open_slots, leased = len(list(spool.glob("*.open"))), postgres.rows(LEASED)[0][0]
            if count == last and open_slots == len(web_workers(installation)) and not leased:
                break
            last = count
        time.sleep(3)
    return time.monotonic() - began


class Books:
    """The sandbox's calls, our records and what the clients heard, all by token."""

    def __init__(self, clients: Clients, log: Log, postgres: Postgres) -> None:
        log.read()
        self.heard, self.calls = clients.heard, log.by_token()
        self.rows = postgres.rows(RECORDS)
        self.records = Counter[str]()
        for token, *_, requests in self.rows:
            self.records[token] += requests
        self.status = {row[0]: row[1] for row in self.rows}
        self.attempts = {row[0]: row[3] for row in self.rows}
        self.repeats = Counter({token: silent_repeats(calls) for token, calls in self.calls.items()})
        self.money, self.holders = postgres.rows(MONEY), postgres.rows(HOLDERS)

    def differences(self) -> dict[str, set[str]]:
        """What must be empty."""
        completed = {
            token for token, calls in self.calls.items() if any(c.ended_at and not c.left_early for c in calls)
        }
        whole = {token for token, heard in self.heard.items() if heard.said == "answered"}
        answered = {token for token, status in self.status.items() if status == "answered"}
        attempted = Counter(self.attempts) + self.repeats
        return {
            "lost": (self.calls.keys() | whole) - self.records.keys(),
            "duplicated": {token for token, count in self.records.items() if count > 1},
            "phantom": answered - completed,
            "whole answers recorded otherwise": whole - answered,
            "more calls than attempts": {t for t in self.calls if len(self.calls[t]) > attempted[t]},
        }

    def show(self, token: str) -> None:
        calls = [(c.status, c.left_early, c.chunks, c.served_before) for c in self.calls.get(token, ())]
        print("  ", token, self.heard.get(token), calls, [row[1:] for row in self.rows if row[0] == token])


def silent_repeats(calls: Sequence[Received]) -> int:
    """How many of one token's calls belong to the same attempt as the call before (docs/adr/0005-http-client.md).

    A call on a used connection that was dropped without an answer goes out again at once, on a new one.
    """
    return sum(
        before.dropped and before.served_before > 0 and _on_a_new_one(before, call) for before, call in pairwise(calls)
    )


def _on_a_new_one(before: Received, call: Received) -> bool:
    return not call.served_before and call.headers["host"] == before.headers["host"]


def compare(books: Books) -> bool:
    """Print what does not agree; return whether everything does."""
    calls, endings = sum(map(len, books.calls.values())), Counter(books.status.values())
    print(f"{len(books.heard)} requests, {calls} calls at the sandbox, {len(books.rows)} records {dict(endings)}")
    print(f"of these by workers that were killed: {sum(row[2] == 'WorkerDied' for row in books.rows)}")
    print(f"sent again in silence, because a used connection was dropped: {books.repeats.total()}")
    differences = books.differences()
    print(", ".join(f"{name}: {len(tokens)}" for name, tokens in differences.items()))
    for token in sorted(set().union(*differences.values()))[:10]:
        books.show(token)
    for holder, amount, seen_at in books.holders:
        print(f"  {holder} holds {amount:,}, last heard of at {seen_at:%H:%M:%S} of now {datetime.now(UTC):%H:%M:%S}")
    return all([_right(*row) for row in books.money]) and not any(differences.values())


def _right(tenant: str, limit: int, spent: int, leased: int, recorded: int) -> bool:
    """Whether a budget spent what the records cost, no more than its limit, and holds nothing; in nano-dollars."""
    print(f"{tenant}: limit {limit:,.0f} nano-USD, spent {spent:,}, records {recorded:,}, still held {leased:,}")
    return spent == recorded and spent <= limit and not leased
