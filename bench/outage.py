#!/usr/bin/env python3
"""What do callers notice while Redis or PostgreSQL is away, and how soon is all as before?

    bench/outage.py redis|postgres [--seconds 60] [--rate 20] [--workers 2]

Requests come evenly before, during and after. Prints failures and latencies of each part, what the outage added, how
long after its return everything was recorded, and whether the books agree with the sandbox's (see bench/books.py).
A tenth of the load is another tenant's, whose budget is used up on the way: it may be refused, but never overspend.
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

from bench.books import Books, compare, settled  # noqa: E402
from bench.chaos import configuration  # noqa: E402
from bench.clients import Clients, Log  # noqa: E402
from bench.production import Production, production  # noqa: E402
from bench.services import Postgres, Redis, services  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402

BEFORE_S = 10.0


class Load:
    """Both tenants' clients."""

    def __init__(self, installation: Production, rate: float) -> None:
        keys = dict(line.split("=", 1) for line in (installation.var / "keys.env").read_text().split())
        self.rich, self.poor = (
            Clients(installation.url, keys[f"{tenant}/k"], kinds=("json", "stream")) for tenant in ("bench", "poor")
        )
        self.rate = rate

    @property
    def answered(self) -> set[str]:
        """The tokens of what was answered so far."""
        return {token for who in (self.rich, self.poor) for token, h in who.heard.items() if h.said == "answered"}

    async def part(self, name: str, seconds: float) -> float:
        """Ask for a while; print how it went, and return the median in ms."""
        before = dict(self.rich.heard), dict(self.poor.heard)
        await asyncio.gather(self.rich.run(200, self.rate * 0.9, seconds), self.poor.run(200, self.rate * 0.1, seconds))
        rich, poor = ([h for token, h in who.heard.items() if token not in old]
                      for who, old in zip((self.rich, self.poor), before, strict=True))  # fmt: skip
        times = sorted(heard.took_s * 1000 for heard in rich)
        p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        print(f"{name}: {dict(Counter(h.said for h in rich))}; p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
              f"longest {times[-1]:.1f} ms; with little money {dict(Counter(h.said for h in poor))}")  # fmt: skip
        return p50


async def outage(which: str, postgres: Postgres, cache: Redis, load: Load, log: Log, seconds: float) -> None:
    over = asyncio.Event()
    follow = asyncio.create_task(log.follow(over))
    await load.part("warming up", BEFORE_S)
    before = await load.part("before", BEFORE_S)
    await asyncio.to_thread(postgres.stop if which == "postgres" else cache.kill)
    during = await load.part(f"{which} away", seconds)
    print(f"added at the median: {during - before:.1f} ms")
    await asyncio.to_thread(postgres.start if which == "postgres" else cache.start)
    back = time.monotonic()
    recovery = asyncio.create_task(asyncio.to_thread(recorded, postgres, load.answered, back))
    await load.part("after", BEFORE_S)
    print(f"all of the outage's requests were recorded {await recovery:.1f} s after the return")
    over.set()
    await follow


def recorded(postgres: Postgres, answered: set[str], back: float) -> float:
    """Seconds from the return until every answer of the outage has its record."""
    while time.monotonic() - back < 60:
        with suppress(psycopg.Error):
            sessions = {row[0] for row in postgres.rows("SELECT session FROM usage_requestrecord")}
            if sessions >= answered:
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
            load, log = Load(installation, chosen.rate), Log(sandbox)
            asyncio.run(outage(chosen.which, postgres, cache, load, log, chosen.seconds))
            settled(postgres, installation)
            load.rich.heard |= load.poor.heard
            sys.exit(not compare(Books(load.rich, log, postgres)))


if __name__ == "__main__":
    main()
