#!/usr/bin/env python3
"""Do four workers together let in exactly as many requests as a limit allows?

    bench/limits.py                 60 per minute, 600 at once; 1,000 per minute, 1,200 at once; 50 running, 600 at once
    bench/limits.py --rounds 20

PostgreSQL and Redis are the benchmark's own. Every round has a tenant of its own and stays within one minute.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from typing import Any, Final

import httpx
from workers import Workers, workers

from providers.sandbox.testing import Sandbox

CASES: Final = [("requests_per_minute", 60, 600), ("requests_per_minute", 1000, 1200), ("concurrent_requests", 50, 600)]
ROOM_S: Final = 35  # of a minute that a round may need


def configuration(upstream: str, rounds: int) -> dict[str, Any]:
    price = {"input": 1, "output": 2}
    deployment = {"model": "bench", "upstream_model": "demo", "context": 128_000, "price": price, "quality": 0.7}
    provider = {"name": "sandbox", "wire": "openai", "base_url": upstream, "credential": "sk-upstream-bench"}
    names = [(tenant(limit, most, n), {limit: most}) for limit, most, _ in CASES for n in range(rounds)]
    return {
        "providers": [{**provider, "allow_private": True, "deployments": [deployment]}],
        "tenants": [{"name": name, "keys": [{"name": "ci"}], "limits": limits} for name, limits in names],
    }


def tenant(limit: str, most: int, number: int) -> str:
    return f"{limit}-{most}-{number}"


async def race(urls: list[str], key: str, tries: int) -> Counter[int | str]:
    """The statuses of `tries` requests that come together, spread over the workers; from 500 on with their codes."""
    chat = {"model": "bench", "messages": [{"role": "user", "content": "Hello"}]}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=60, limits=limits, headers={"authorization": f"Bearer {key}"}) as client:

        async def one(number: int) -> int | str:
            answer = await client.post(f"{urls[number % len(urls)]}/v1/chat/completions", json=chat)
            status = answer.status_code
            return status if status < 500 else f"{status} {answer.json()['error']['code']}"

        return Counter(await asyncio.gather(*(one(number) for number in range(tries))))


def most_at_once(upstream: Sandbox, since: float) -> int:
    """How many calls the upstream had running at once since then."""
    calls = [call for call in upstream.calls(chats=True) if call.started_at >= since]
    steps = sorted([(call.started_at, 1) for call in calls] + [(call.ended_at or time.time(), -1) for call in calls])
    running = most = 0
    for _, step in steps:
        running += step
        most = max(most, running)
    return most


def run(made: Workers, upstream: Sandbox, limit: str, most: int, tries: int, rounds: int) -> bool:
    found = []
    for number in range(rounds):
        if time.time() % 60 > 60 - ROOM_S:
            time.sleep(60 - time.time() % 60 + 0.5)
        upstream.reset()
        began = time.time()
        statuses = asyncio.run(race(made.urls, made.keys[f"{tenant(limit, most, number)}/ci"], tries))
        took_s = time.time() - began
        assert set(statuses) <= {200, 429}, statuses
        if limit != "concurrent_requests" and int(began) // 60 != int(began + took_s) // 60:
            sys.exit(f"a round took {took_s:.0f} s and did not stay within one minute: this machine is too busy")
        found.append(most_at_once(upstream, began) if limit == "concurrent_requests" else statuses[200])
    print(
        f"| {limit} {most} | {tries} | {', '.join(map(str, found))} | {max(found)} | {min(found) / most:.1%} |",
        flush=True,
    )
    return max(found) <= most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with (
        Sandbox.start("openai", process=True, pace=1) as upstream,
        workers(configuration(upstream.base_url, rounds)) as made,
    ):
        print("| limit | at once | let in (running at once) per round | most | least, of the limit |")
        print("|---|---|---|---|---|")
        kept = [run(made, upstream, limit, most, tries, rounds) for limit, most, tries in CASES]
    sys.exit(0 if all(kept) else "a limit was exceeded")


if __name__ == "__main__":
    main()
