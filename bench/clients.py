"""Clients of four kinds, each request with a token by which everybody's books can be compared."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from random import Random

import aiohttp

from providers.sandbox.testing import Received, Sandbox

KINDS = ("json", "stream", "leaving json", "leaving stream")


@dataclass
class Heard:
    """What one request's client heard: `answered` whole, `left` by its own will, or what went wrong."""

    kind: str
    said: str
    took_s: float
    left_at: float | None = None  # `loop.time()` is monotonic, as is what is compared with it


@dataclass
class Clients:
    """`heard` by token; every client asks, pauses, and asks again until `over`."""

    url: str
    key: str
    model: str = "demo"
    kinds: tuple[str, ...] = KINDS
    heard: dict[str, Heard] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    rng: Random = field(default_factory=lambda: Random(1))

    async def run(self, count: int, rate_per_s: float, seconds: float) -> None:
        """So many at once at most, so many new ones per second."""
        gate, loop = asyncio.Semaphore(count), asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(self.url, connector=connector, timeout=timeout) as session:
            tasks, due, kinds = set(), loop.time(), self._kinds()
            ends = due + seconds
            while due < ends:
                await asyncio.sleep(max(due - loop.time(), 0))
                await gate.acquire()
                task = asyncio.create_task(self._one(session, next(kinds)))
                tasks.add(task)
                task.add_done_callback(lambda task: (tasks.discard(task), gate.release()))
                due += 1 / rate_per_s
            await asyncio.gather(*tasks)

    def _kinds(self) -> Iterator[str]:
        return cycle(self.kinds)

    async def _one(self, session: aiohttp.ClientSession, kind: str) -> None:
        token, loop = uuid.uuid4().hex, asyncio.get_running_loop()
        began = loop.time()
        said = "left"
        with suppress(TimeoutError):
            async with asyncio.timeout(self.rng.uniform(0.05, 0.4) if kind == "leaving json" else None):
                said = await self._ask(session, kind, token)
        self.heard[token] = Heard(kind, said, loop.time() - began)

    async def _ask(self, session: aiohttp.ClientSession, kind: str, token: str) -> str:
        stream = kind.endswith("stream")
        messages = [{"role": "user", "content": f"token-{token} Tell me of the sea."}]
        body = {"model": self.model, "stream": stream, "messages": messages, "neuroroute": {"session_id": token}}
        try:
            async with session.post(
                "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {self.key}"}
            ) as answer:
                if answer.status != 200:
                    return f"{answer.status} {(await answer.json())['error']['code']}"
                if kind == "leaving stream":
                    await answer.content.readany()
                    answer.close()
                    return "left"
                text = await answer.text()
        except aiohttp.ClientError as exc:
            return type(exc).__name__
        if not stream or text.endswith("data: [DONE]\n\n"):
            return "answered"
        return "told that it was cut" if '"error"' in text else "cut"


class Log:
    """The sandbox's calls of chats, by token; read again and again, because it keeps the last thousand only."""

    def __init__(self, *sandboxes: Sandbox) -> None:
        self.sandboxes = sandboxes
        self._calls: dict[tuple[int, int], Received] = {}

    async def follow(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await asyncio.to_thread(self.read)
            await asyncio.sleep(0.5)

    def read(self) -> None:
        for number, sandbox in enumerate(self.sandboxes):
            self._calls |= {(number, call.number): call for call in sandbox.calls(chats=True)}

    def by_token(self) -> dict[str, list[Received]]:
        """Those of one sandbox in the order in which they came, then those of the next."""
        found = defaultdict(list)
        for _, call in sorted(self._calls.items()):
            if "token-" in call.raw:
                found[call.raw.partition("token-")[2][:32]].append(call)
        return found
