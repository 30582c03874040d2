#!/usr/bin/env python3
"""How many of ten thousand cut answers are presented as success? None may be.

    bench/cuts.py [--cuts 10000] [--concurrency 32]

Every call is answered by an upstream that breaks its answer in one of many ways, streamed and whole, through the full
server; nobody can step in. Chats, Messages and Responses are asked, the latter two of upstreams that speak them and of
upstreams that do not. An answer is presented as success when its client could take it for one: status 200, no error in
it, and an end that is no broken connection. Prints a line per way; exit code 1: one was presented as success.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from providers.sandbox.testing import Sandbox  # noqa: E402
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
FAULTS: Final = [(True, fault) for fault in STREAMED] + [(False, fault) for fault in WHOLE]
LIMITS: Final = {"connect": 5, "first_byte": 3, "first_token": 3, "stall": 1, "total": 3}
ASKED: Final = {"messages": [{"role": "user", "content": "Tell me something long, please."}]}
COLUMNS: Final = ("error", "error inside", "broken off", "complete", "SUCCESS")


class Route(Struct, frozen=True):
    """A surface, and the wire of the upstream behind it."""

    name: str
    path: str
    wire: str
    upstream_model: str
    body: dict[str, Any]
    capabilities: tuple[str, ...] = ()


MESSAGES: Final = {**ASKED, "max_tokens": 500}
RESPONSES: Final = {"input": "Tell me something long, please."}
ROUTES: Final = (
    Route("chat", "/v1/chat/completions", "openai", "sandbox-mini", ASKED),
    Route("messages", "/v1/messages", "openai", "sandbox-mini", MESSAGES),
    Route("messages-natively", "/v1/messages", "anthropic", "sandbox-vision", MESSAGES),
    Route("responses", "/v1/responses", "openai", "sandbox-mini", RESPONSES),
    Route("responses-natively", "/v1/responses", "openai", "sandbox-mini", RESPONSES, ("responses",)),
)


class Way(Struct, frozen=True):
    """One way of cutting an answer."""

    route: Route
    stream: bool
    fault: str

    @property
    def model(self) -> str:
        """Our name of the deployment that does so."""
        how = self.fault.replace(";", "-").replace("=", "-").replace("_", "-")
        return f"{self.route.name}-{'stream' if self.stream else 'whole'}-{how}"


WAYS: Final = [Way(route, *fault) for fault, route in product(FAULTS, ROUTES)]
Counts = Counter[tuple[str, str]]  # of a way, by the name of its model, and what was told


class Seen(Struct):
    """What a client got, read as its surface is written."""

    status: int = 0
    events: list[dict[str, Any]] = []
    done: bool = False

    @property
    def failed(self) -> bool:
        kinds = ("error", "response.failed", "response.incomplete")
        return any(each.get("error") or each.get("type") in kinds for each in self.events)

    @property
    def ended(self) -> bool:
        """Whether anything says that the answer is whole."""
        return self.done or any(
            each.get("type") in ("message_stop", "response.completed")
            or each.get("stop_reason")
            or each.get("status") == "completed"
            or any(choice.get("finish_reason") for choice in each.get("choices") or ())
            for each in self.events
        )

    @property
    def text(self) -> str:
        """The last word counts: a Response that ends repeats all of its text."""
        final = [each["response"] for each in self.events if each.get("type") == "response.completed"]
        return "".join(text_of(each) for each in final or self.events)


def text_of(payload: Mapping[str, Any]) -> str:
    """The text in one event or body of any of the surfaces."""
    choices = payload.get("choices") or ()
    parts = [choice.get("delta") or choice.get("message") or {} for choice in choices]
    found = [part.get("content") or "" for part in parts]
    items = [part for item in payload.get("output") or () for part in item.get("content") or ()]
    found += [part.get("text") or "" for part in (*items, *(payload.get("content") or ()))]
    delta = payload.get("delta")
    if payload.get("type") == "response.output_text.delta":
        found.append(delta)
    elif isinstance(delta, dict):
        found.append(delta.get("text") or "")
    return "".join(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=32)
    options = parser.parse_args()
    with ExitStack() as stack:
        var = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cuts-")))
        wires = sorted({route.wire for route in ROUTES})
        sandboxes = {wire: stack.enter_context(Sandbox.start(wire, process=True)) for wire in wires}
        manage(var, "migrate", "-v0")
        gateway = Gateway(var)
        gateway.apply(configuration(sandboxes))
        stack.callback(gateway.stop)
        counts, seconds = asyncio.run(cut(gateway.start(), options.cuts, options.concurrency))
    return report(counts, seconds)


def configuration(sandboxes: Mapping[str, Sandbox]) -> dict[str, Any]:
    """A healthy deployment per route, and one for each way, each at a provider of its own: none rests for another."""
    healthy = [provider(f"{route.name}-healthy", route, "", sandboxes) for route in ROUTES]
    broken = [provider(way.model, way.route, f"!{way.fault}", sandboxes) for way in WAYS]
    return {"providers": healthy + broken, "tenants": [{"name": "cuts", "keys": [{"name": "k"}]}]}


def provider(name: str, route: Route, suffix: str, sandboxes: Mapping[str, Sandbox]) -> dict[str, Any]:
    deployment = {"model": name, "upstream_model": route.upstream_model + suffix, "timeouts": LIMITS, "retries": 0}
    deployment["capabilities"] = list(route.capabilities)
    where = {"wire": route.wire, "base_url": sandboxes[route.wire].base_url, "allow_private": True}
    return {"name": f"p-{name}", **where, "credential": "sk-cuts-0123456789", "deployments": [deployment]}


async def cut(gateway: Gateway, cuts: int, concurrency: int) -> tuple[Counts, float]:
    """Ask for that many answers, the ways in turn; how each way's ended, and the seconds that it took."""
    counts: Counts = Counter()
    turns = iter(WAYS[number % len(WAYS)] for number in range(cuts))
    limits = httpx.Limits(max_connections=concurrency)
    async with httpx.AsyncClient(base_url=gateway.url, headers=gateway.headers, timeout=60, limits=limits) as client:
        full = {route.name: await whole_text(client, route) for route in ROUTES}
        began = time.perf_counter()
        await asyncio.gather(*(worker(client, turns, full, counts) for _ in range(concurrency)))
    return counts, time.perf_counter() - began


async def whole_text(client: httpx.AsyncClient, route: Route) -> str:
    """What a healthy upstream says, streamed and whole."""
    texts = {(await ask(client, route, f"{route.name}-healthy", stream)).text for stream in (True, False)}
    if len(texts) != 1 or len(min(texts)) < 100:
        raise SystemExit(f"{route.name}: healthy answers differ or are too short to be cut: {texts}")
    return texts.pop()


async def worker(client: httpx.AsyncClient, turns: Iterator[Way], full: Mapping[str, str], counts: Counts) -> None:
    for way in turns:
        try:
            told = verdict(await ask(client, way.route, way.model, way.stream), full[way.route.name])
        except httpx.TransportError:
            told = "broken off"
        counts[way.model, told] += 1


async def ask(client: httpx.AsyncClient, route: Route, model: str, stream: bool) -> Seen:
    got = await client.post(route.path, json={**route.body, "model": model, "stream": stream})
    seen = Seen(got.status_code, events=[])
    lines = got.content.splitlines()
    for line in lines if stream else [b"data: " + got.content]:
        if line == b"data: [DONE]":
            seen.done = True
        elif line.startswith(b"data: "):
            seen.events.append(msgspec.json.decode(line.removeprefix(b"data: ")))
        elif line.startswith(b"{"):  # an error answer to who asked for a stream
            seen.events.append(msgspec.json.decode(line))
    return seen


def verdict(seen: Seen, full: str) -> str:
    """What the client was told."""
    if seen.status != 200:
        return "error"
    if seen.failed:
        return "SUCCESS" if seen.ended else "error inside"
    return "complete" if seen.ended and seen.text == full else "SUCCESS"  # complete: nothing was lost


def report(counts: Counts, seconds: float) -> int:
    """Print the table; the exit code."""
    print(f"{'asked':20}{'':8}{'cut':25}{'cuts':>6}" + "".join(f"{name:>13}" for name in COLUMNS))
    for way in sorted(WAYS, key=lambda way: ROUTES.index(way.route)):
        row = [counts[way.model, name] for name in COLUMNS]
        head = f"{way.route.name:20}{'stream' if way.stream else 'whole':8}{way.fault:25}{sum(row):>6}"
        print(head + "".join(f"{n:>13}" for n in row))
    total = sum(counts.values())
    false = sum(count for (_, name), count in counts.items() if name == "SUCCESS")
    print(f"\n{false} of {total:,} cuts presented as success ({total / seconds:,.0f} a second)")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
