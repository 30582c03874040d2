#!/usr/bin/env python3
"""What does a call to an upstream cost with our HTTP client, and what with aiohttp?

    bench/httpclient.py [--rounds 5]

Both in one process, in turn, on uvloop, against `bench/upstream.py` in another one. Every answer is read to its end.
Figures: CPU microseconds of this process per call, the median of the rounds.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402
import uvloop  # noqa: E402

from bench.services import free_port  # noqa: E402
from providers import http  # noqa: E402
from tests.run.installation import wait_until  # noqa: E402

CALLS, LIMIT_S = 6400, 30.0
HEADERS = (("content-type", "application/json"), ("authorization", "Bearer sk-upstream-bench"))
WHOLE = b'{"model":"bench","messages":[{"role":"user","content":"Hello!"}],"temperature":0.7,"max_tokens":100}'
STREAM = WHOLE[:-1] + b',"stream":true}'

Call = Callable[[str, bytes], Awaitable[int]]


async def ours(url: str, body: bytes) -> int:
    deadline = asyncio.get_running_loop().time() + LIMIT_S
    size = 0
    async with http.Exchange(url, HEADERS, body, 3.0, deadline) as reply:
        while piece := await reply.read(deadline, "late"):
            size += len(piece)
    return size


def theirs(client: aiohttp.ClientSession) -> Call:
    async def call(url: str, body: bytes) -> int:
        size = 0
        async with asyncio.timeout(LIMIT_S), client.post(url, headers=HEADERS, data=body) as response:
            while piece := await response.content.readany():
                size += len(piece)
        return size

    return call


async def cost_us(call: Call, url: str, body: bytes, at_once: int, calls: int) -> float:
    async def one_after_another() -> set[int]:
        return {await call(url, body) for _ in range(calls // at_once)}

    began = time.process_time()
    sizes = set().union(*await asyncio.gather(*(one_after_another() for _ in range(at_once))))
    used = time.process_time() - began
    assert len(sizes) == 1 and 0 not in sizes, sizes
    return used / calls * 1e6


async def measure(url: str, rounds: int) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as client:
        clients = {"ours": ours, "aiohttp": theirs(client)}
        print(f"{'':24s}" + "".join(f"{name:>12s}" for name in clients))
        for name, body, at_once, calls in (
            ("JSON, one at a time", WHOLE, 1, CALLS),
            ("JSON, 32 at a time", WHOLE, 32, CALLS),
            ("SSE, 16 at a time", STREAM, 16, CALLS // 16),
        ):
            costs: dict[str, list[float]] = {each: [] for each in clients}
            for _ in range(rounds):
                for each, call in clients.items():
                    costs[each].append(await cost_us(call, url, body, at_once, calls))
            print(f"{name:24s}" + "".join(f"{statistics.median(found):9.1f} us" for found in costs.values()))
    await http.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    port = free_port()
    upstream = subprocess.Popen([sys.executable, str(ROOT / "bench" / "upstream.py"), str(port)])
    try:
        assert wait_until(lambda: _listens(port))
        uvloop.run(measure(f"http://127.0.0.1:{port}/v1/chat/completions", parser.parse_args().rounds))
    finally:
        upstream.terminate()
        upstream.wait()


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
