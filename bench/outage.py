#!/usr/bin/env python3
"""What do callers notice while Redis or PostgreSQL is away, and how soon is all as before?

    bench/outage.py redis|postgres [--seconds 60] [--rate 20] [--workers 2]

Requests come evenly before, during and after. Prints failures and latencies of each part, what the outage added, how
long after its return everything was recorded, and whether the books agree with the sandbox's (see bench/chaos.py).
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.chaos import Books, compare, configuration, settled  # noqa: E402
from bench.clients import Clients, Heard, Log  # noqa: E402
from bench.production import production  # noqa: E402
from bench.services import Postgres, Redis, services  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402

BEFORE_S = 10.0


async def part(clients: Clients, name: str, rate: float, seconds: float) -> float:
    """Ask for a while; print how it went, and return the median in ms."""
    clients.heard, earlier = {}, clients.heard
    await clients.run(200, rate, seconds)
    times = sorted(heard.took_s * 1000 for heard in clients.heard.values())
    said = dict(Counter(heard.said for heard in clients.heard.values()))
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(f"{name}: {said}; p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {times[-1]:.1f} ms")
    clients.heard = earlier | clients.heard
    return p50


async def outage(which: str, postgres: Postgres, cache: Redis, clients: Clients, log: Log, rate: float, seconds: float):
    over = asyncio.Event()
    follow = asyncio.create_task(log.follow(over))
    await part(clients, "warming up", rate, BEFORE_S)
    before = await part(clients, "before", rate, BEFORE_S)
    await asyncio.to_thread(postgres.stop if which == "postgres" else cache.kill)
    during = await part(clients, f"{which} away", rate, seconds)
    print(f"added at the median: {during - before:.1f} ms")
    await asyncio.to_thread(postgres.start if which == "postgres" else cache.start)
    back = time.monotonic()
    recovery = asyncio.create_task(asyncio.to_thread(recorded, postgres, dict(clients.heard), back))
    await part(clients, "after", rate, BEFORE_S)
    print(f"all of the outage's requests were recorded {await recovery:.1f} s after the return")
    over.set()
    await follow


def recorded(postgres: Postgres, heard: dict[str, Heard], back: float) -> float:
    """Seconds from the return until every request of the outage has its record."""
    while time.monotonic() - back < 60:
        with suppress(psycopg.Error):
            sessions = {row[0] for row in postgres.rows("SELECT session FROM usage_requestrecord")}
            if sessions >= heard.keys():
                break
        time.sleep(0.2)
    return time.monotonic() - back


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["redis", "postgres"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    with services() as (postgres, cache), Sandbox.start("openai", process=True) as sandbox:
        settings = {"DATABASE_URL": postgres.url, "REDIS_URL": cache.url, "WEB_WORKERS": str(chosen.workers)}
        with production(configuration(sandbox), **settings) as installation:
            clients = Clients(installation.url, installation.key, kinds=("json", "stream"))
            log = Log(sandbox)
            asyncio.run(outage(chosen.which, postgres, cache, clients, log, chosen.rate, chosen.seconds))
            settled(postgres, installation)
            sys.exit(not compare(Books(clients, log, postgres)))


if __name__ == "__main__":
    main()
