#!/usr/bin/env python3
"""How long after a client key is revoked does the last of four workers refuse it?

    bench/revocation.py [--rounds 20]     as it is, with the database under load, with Redis killed

PostgreSQL and Redis are the benchmark's own. A key is revoked as the admin does it, in another process; each worker is
asked every 5 ms.
"""

import argparse
import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import psycopg
from workers import Workers, workers

CONFIGURATION: Final = {"tenants": [{"name": "bench", "keys": [{"name": "ci"}]}]}
BUSY: Final = 6  # clients that keep the database busy
WORK: Final = "SELECT count(*) FROM generate_series(1, 400000) AS a WHERE a % 7 = 3"


async def until(urls: list[str], key: str, status: int) -> float:
    """The moment at which the last worker began to answer so."""

    async def one(url: str) -> float:
        async with httpx.AsyncClient(timeout=10, headers={"authorization": f"Bearer {key}"}) as client:
            while (await client.get(f"{url}/v1/models")).status_code != status:
                await asyncio.sleep(0.005)
            return time.monotonic()

    return max(await asyncio.gather(*(one(url) for url in urls)))


async def revoked(made: Workers, name: str) -> float:
    """Seconds from the revocation until every worker refuses."""
    from tenants import keys
    from tenants.models import Tenant

    def issue() -> tuple:
        return keys.issue(Tenant.objects.get(name="bench"), name)

    row, plain = await asyncio.to_thread(issue)
    await until(made.urls, plain, 200)
    refused = asyncio.create_task(until(made.urls, plain, 401))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await asyncio.to_thread(keys.revoke, row)
    return await refused - began


@contextmanager
def load_on(url: str) -> Iterator[None]:
    """A database whose clients keep it busy."""
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not over.is_set():
                connection.execute(WORK)

    threads = [threading.Thread(target=work) for _ in range(BUSY)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def measured(title: str, made: Workers, rounds: int) -> None:
    async def all_rounds() -> list[float]:
        return [await revoked(made, f"{title}-{number}") for number in range(rounds)]

    times_s = asyncio.run(all_rounds())
    print(f"| {title} | {statistics.median(times_s):.3f} | {max(times_s):.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with workers(CONFIGURATION) as made:
        made.set_up_django()
        print("| | p50 s | max s |\n|---|---|---|")
        measured("as it is", made, rounds)
        with load_on(made.postgres.url):
            measured("database under load", made, rounds)
        made.redis.kill()
        measured("Redis killed", made, rounds)


if __name__ == "__main__":
    main()
