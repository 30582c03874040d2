#!/usr/bin/env python3
"""Are the books right after the worst minute? kill -9 of random web workers every few seconds under mixed load,
PostgreSQL stopped as by a crash and Redis killed meanwhile; then the sandbox's own log is held against our records.

    bench/chaos.py [--seconds 60] [--workers 3] [--rate 60]

lost: a call that the sandbox completed, and no record; duplicated: two records of one request; phantom: a record of an
answer that the sandbox never gave. Every request carries a token, in its prompt and as its session.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.clients import Clients, Log  # noqa: E402
from bench.production import Production, production  # noqa: E402
from bench.services import Postgres, Redis, services  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402
from tests.run.installation import web_workers  # noqa: E402

KILL_EVERY_S = 3.0
PRICE = {"input": 1, "output": 2}
RECORDS = """SELECT r.session, r.status, r.error, count(a.id), count(DISTINCT r.id)
    FROM usage_requestrecord r LEFT JOIN usage_attemptrecord a ON a.request_id = r.id
    WHERE r.session IS NOT NULL GROUP BY r.session, r.status, r.error"""


def configuration(*sandboxes: Sandbox) -> dict:
    """`demo` at every sandbox."""
    facts = {"model": "demo", "context": 128000, "price": PRICE, "quality": 0.7}
    providers = [
        {"name": f"sandbox{number}", "wire": "openai", "base_url": sandbox.base_url, "credential": "sk-bench",
         "allow_private": True, "deployments": [facts]}
        for number, sandbox in enumerate(sandboxes)
    ]  # fmt: skip
    limits = {"requests_per_minute": 10**6}
    return {"providers": providers, "tenants": [{"name": "bench", "keys": [{"name": "k"}], "limits": limits}]}


async def kill_workers(installation: Production, over: asyncio.Event) -> int:
    """kill -9 of one at a time."""
    killed = 0
    while not over.is_set():
        await asyncio.sleep(KILL_EVERY_S)
        if workers := web_workers(installation):
            os.kill(random.choice(sorted(workers)), signal.SIGKILL)
            killed += 1
    return killed


async def take_services_away(postgres: Postgres, cache: Redis, seconds: float) -> None:
    """PostgreSQL for a quarter of the time, then Redis for another."""
    await asyncio.sleep(seconds / 5)
    await asyncio.to_thread(postgres.stop)
    print(f"PostgreSQL stopped (immediate) for {seconds / 4:g} s")
    await asyncio.sleep(seconds / 4)
    await asyncio.to_thread(postgres.start)
    await asyncio.sleep(seconds / 10)
    cache.kill()
    print(f"Redis killed for {seconds / 4:g} s")
    await asyncio.sleep(seconds / 4)
    await asyncio.to_thread(cache.start)


async def storm(
    installation: Production, clients: Clients, log: Log, services: tuple[Postgres, Redis], chosen: argparse.Namespace
) -> None:
    over = asyncio.Event()
    follow = asyncio.create_task(log.follow(over))
    killer = asyncio.create_task(kill_workers(installation, over))
    taker = asyncio.create_task(take_services_away(*services, chosen.seconds))
    await clients.run(200, chosen.rate, chosen.seconds)
    over.set()
    await asyncio.gather(follow, taker)
    print(f"{await killer} workers killed; clients heard: {dict(Counter(h.said for h in clients.heard.values()))}")


def settled(postgres: Postgres, installation: Production, patience_s: float = 90) -> float:
    """Wait until nothing more is recorded and what the killed workers left is buried; return the seconds it took."""
    began, last, spool = time.monotonic(), -1, installation.var / "spool"
    while time.monotonic() - began < patience_s:
        with suppress(psycopg.Error):
            count = postgres.rows("SELECT count(*) FROM usage_requestrecord")[0][0]
            if count == last and len(list(spool.glob("*.open"))) == len(web_workers(installation)):
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
        self.records = Counter({token: sum(row[4] for row in self.rows if row[0] == token) for token, *_ in self.rows})
        self.status = {row[0]: row[1] for row in self.rows}
        self.attempts = {row[0]: row[3] for row in self.rows}

    def differences(self) -> dict[str, set[str]]:
        """What must be empty."""
        completed = {
            token for token, calls in self.calls.items() if any(c.ended_at and not c.left_early for c in calls)
        }
        whole = {token for token, heard in self.heard.items() if heard.said == "answered"}
        answered = {token for token, status in self.status.items() if status == "answered"}
        return {
            "lost": (self.calls.keys() | whole) - self.records.keys(),
            "duplicated": {token for token, count in self.records.items() if count > 1},
            "phantom": answered - completed,
            "whole answers recorded otherwise": whole - answered,
            "more calls than attempts": {t for t in self.calls if len(self.calls[t]) > self.attempts.get(t, 0)},
        }

    def show(self, token: str) -> None:
        calls = [(call.status, call.left_early, call.chunks) for call in self.calls.get(token, ())]
        print("  ", token, self.heard.get(token), calls, [row[1:] for row in self.rows if row[0] == token])


def compare(books: Books) -> bool:
    """Print what does not agree; return whether everything does."""
    calls, endings = sum(map(len, books.calls.values())), Counter(books.status.values())
    print(f"{len(books.heard)} requests, {calls} calls at the sandbox, {len(books.rows)} records {dict(endings)}")
    print(f"of these by workers that were killed: {sum(row[2] == 'WorkerDied' for row in books.rows)}")
    differences = books.differences()
    print(", ".join(f"{name}: {len(tokens)}" for name, tokens in differences.items()))
    for token in sorted(set().union(*differences.values()))[:10]:
        books.show(token)
    return not any(differences.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--rate", type=float, default=60)
    chosen = parser.parse_args()
    with services() as (postgres, cache), Sandbox.start("openai", pace=4, process=True) as sandbox:
        settings = {"DATABASE_URL": postgres.url, "REDIS_URL": cache.url, "WEB_WORKERS": str(chosen.workers)}
        with production(configuration(sandbox), **settings) as installation:
            clients, log = Clients(installation.url, installation.key), Log(sandbox)
            asyncio.run(storm(installation, clients, log, (postgres, cache), chosen))
            print(f"the journal was empty after {settled(postgres, installation):.0f} s")
            sys.exit(not compare(Books(clients, log, postgres)))


if __name__ == "__main__":
    main()
