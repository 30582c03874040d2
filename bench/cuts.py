#!/usr/bin/env python3
"""How many of ten thousand cut answers are presented as success? None may be.

    bench/cuts.py [--cuts 10000] [--concurrency 32]

Every call is answered by an upstream that breaks its answer in one of many ways, streamed and whole, through the full
server; nobody can step in. An answer is presented as success when its client could take it for one: status 200, no
error in it, and an end that is no broken connection. Prints a line per way; exit code 1: one was presented as success.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from providers.sandbox.testing import Sandbox  # noqa: E402
from routing.drill.hearing import Heard  # noqa: E402
from tests.gateway.gateway import Gateway, manage  # noqa: E402

STREAMED: Final = (
    "cut_mid",
    "cut_mid;after=1",
    "eof_no_finish",
    "eof_no_finish;after=1",
    "malformed;after=5",
    "missing_choices;after=5",
    "error_in_stream_after",
    "error_in_200",
    "stall_mid",
)
WHOLE: Final = ("cut_mid", "stall_mid", "malformed", "missing_choices", "error_in_200", "empty", "html", "reset")
WAYS: Final = [(True, fault) for fault in STREAMED] + [(False, fault) for fault in WHOLE]
LIMITS: Final = {"connect": 5, "first_byte": 3, "first_token": 3, "stall": 1, "total": 3}
QUESTION: Final = "Tell me something long, please."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cuts-") as var, Sandbox.start("openai", process=True) as sandbox:
        manage(Path(var), "migrate", "-v0")
        gateway = Gateway(Path(var))
        gateway.apply(configuration(sandbox))
        gateway.start()
        try:
            counts, seconds = asyncio.run(cut(gateway, options.cuts, options.concurrency))
        finally:
            gateway.stop()
    return report(counts, seconds)


def configuration(sandbox: Sandbox) -> dict[str, Any]:
    """A healthy deployment, and one for each way of breaking, each at a provider of its own: none rests for another."""
    faults = {"healthy": "", **{name_of(*way): f"!{way[1]}" for way in WAYS}}
    providers = [provider(name, sandbox, f"sandbox-mini{suffix}") for name, suffix in faults.items()]
    return {"providers": providers, "tenants": [{"name": "cuts", "keys": [{"name": "k"}]}]}


def provider(name: str, sandbox: Sandbox, upstream_model: str) -> dict[str, Any]:
    deployment = {"model": name, "upstream_model": upstream_model, "timeouts": LIMITS, "retries": 0}
    where = {"wire": "openai", "base_url": sandbox.base_url, "allow_private": True, "credential": "sk-cuts-0123456789"}
    return {"name": f"p-{name}", **where, "deployments": [deployment]}


def name_of(stream: bool, fault: str) -> str:
    return f"{'stream' if stream else 'whole'}-{fault.replace(';', '-').replace('=', '-').replace('_', '-')}"


async def cut(gateway: Gateway, cuts: int, concurrency: int) -> tuple[Counter[tuple[bool, str, str]], float]:
    """Ask for that many answers, the ways in turn; how each way's ended, and the seconds that it took."""
    counts: Counter[tuple[bool, str, str]] = Counter()
    turns = iter(WAYS[number % len(WAYS)] for number in range(cuts))
    limits = httpx.Limits(max_connections=concurrency)
    async with httpx.AsyncClient(base_url=gateway.url, headers=gateway.headers, timeout=60, limits=limits) as client:
        full = (await ask(client, "healthy", stream=True)).text
        if len(full) < 100:
            raise SystemExit(f"the healthy answer is too short to be cut: {full!r}")
        began = time.perf_counter()
        await asyncio.gather(*(worker(client, turns, full, counts) for _ in range(concurrency)))
    return counts, time.perf_counter() - began


async def worker(
    client: httpx.AsyncClient, turns: Iterator[tuple[bool, str]], full: str, counts: Counter[tuple[bool, str, str]]
) -> None:
    for stream, fault in turns:
        heard = await ask(client, name_of(stream, fault), stream)
        counts[stream, fault, verdict(heard, full)] += 1


async def ask(client: httpx.AsyncClient, model: str, stream: bool) -> Heard:
    heard = Heard(asked_at=0.0, stream=stream, headers={}, events=[])
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": QUESTION}]}
    try:
        async with client.stream("POST", "/v1/chat/completions", json=body) as got:
            heard.status, heard.headers = got.status_code, dict(got.headers)
            heard.body = await got.aread()
    except httpx.TransportError as exc:
        heard.broken = type(exc).__name__
    if heard.headers.get("content-type", "").startswith("text/event-stream"):
        lines = heard.body.decode().splitlines()
        heard.events = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return heard


def verdict(heard: Heard, full: str) -> str:
    """What the client was told."""
    if heard.broken:
        return "broken off"
    if heard.error is not None:
        return "SUCCESS" if heard.done or heard.finish else "error inside" if heard.status == 200 else "error"
    if heard.status == 200 and heard.text == full and heard.finish:
        return "complete"  # nothing was lost
    return "SUCCESS" if heard.status == 200 else "error"


def report(counts: Counter[tuple[bool, str, str]], seconds: float) -> int:
    """Print the table; the exit code."""
    columns = ("error", "error inside", "broken off", "complete", "SUCCESS")
    print(f"{'':8}{'cut':26}{'cuts':>7}" + "".join(f"{name:>14}" for name in columns))
    for stream, fault in WAYS:
        row = [counts[stream, fault, name] for name in columns]
        print(f"{'stream' if stream else 'whole':8}{fault:26}{sum(row):>7}" + "".join(f"{n:>14}" for n in row))
    total = sum(counts.values())
    false = sum(count for (_, _, name), count in counts.items() if name == "SUCCESS")
    print(f"\n{false} of {total:,} cuts presented as success ({total / seconds:,.0f} a second)")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
