#!/usr/bin/env python3
"""Are the books right after the worst minute? kill -9 of random web workers every few seconds under mixed load,
PostgreSQL stopped as by a crash and Redis killed meanwhile; then the sandbox's own log is held against our records.

    bench/chaos.py [--seconds 60] [--workers 3] [--rate 60]

lost: a call that the sandbox completed, and no record; duplicated: two records of one request; phantom: a record of an
answer that the sandbox never gave. The budget must have spent what the records cost, and hold nothing. Every request
carries a token, in its prompt and as its session.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.books import Books, compare, settled  # noqa: E402
from bench.clients import Clients, Log  # noqa: E402
from bench.production import Production, production  # noqa: E402
from bench.services import Postgres, Redis, services  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402
from tests.run.installation import web_workers  # noqa: E402

KILL_EVERY_S = 3.0
PRICE = {"input": 1, "output": 2}
ENOUGH_USD = 10_000  # nobody is refused, but every request is held and settled
LITTLE_USD = 0.01  # for some hundred requests


def configuration(*sandboxes: Sandbox) -> dict:
    """`demo` at every sandbox, the first of which is always asked first; one tenant with more money than it needs, one
    whose budget will be used up."""
    facts = {"model": "demo", "context": 128000, "max_output": 200, "price": PRICE, "quality": 0.7}
    providers = [
        {"name": f"sandbox{number}", "wire": "openai", "base_url": sandbox.base_url, "credential": "sk-bench",
         "allow_private": True, "deployments": [facts]}
        for number, sandbox in enumerate(sandboxes)
    ]  # fmt: skip
    limits = {"requests_per_minute": 10**6}
    tenants = [
        {
            "name": name,
            "keys": [{"name": "k"}],
            "limits": limits,
            "budgets": [{"usd": usd, "period": "total"}],
            "default_policy": "in-order",
        }
        for name, usd in (("bench", ENOUGH_USD), ("poor", LITTLE_USD))
    ]
    order = [provider["name"] for provider in providers]
    policies = [{"name": "in-order", "kind": "ordered", "order": order}]
    return {"providers": providers, "policies": policies, "tenants": tenants}


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
            right = compare(Books(clients, log, postgres))
            print("writers left:", sorted(path.name for path in (installation.var / "spool").glob("*.writer")))
            sys.exit(not right)


if __name__ == "__main__":
    main()
