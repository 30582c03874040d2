#!/usr/bin/env python3
"""What becomes of a worker that is offered three times what it can do?

    bench/overload.py [--kind json|stream|mixed] [--times 3] [--seconds 10] [--proxy tcp|unix]

Finds the peak with a closed loop (answers per second at the best of several concurrencies), then offers that many times
`--times` with an open loop: requests come at their instants, whether or not earlier ones are answered. Prints goodput
and the refusals' latency, counted from the instant at which a request was to be sent. Load generator and upstream take
processor time from the worker where cores are few, so the worker has the first core to itself and they share the others
(where there is one, goodput per second of the worker's own time is what tells). Over loopback the worker also does what
the kernel does for the clients' receiving; with `--proxy` nginx stands between, as it does in production.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.gateway import LIMITS, provider  # noqa: E402
from bench.proxied import nginx  # noqa: E402
from tests.gateway.gateway import manage  # noqa: E402
from tests.gateway.served import Served  # noqa: E402

MOST_CONNECTIONS = 4000
CONCURRENCIES = (32, 128, 384)
LATE_S = 5.0  # answers that come later than this are good for nobody


class Client(asyncio.Protocol):
    """One connection: a request at a time, its status and latency handed to `done`."""

    def __init__(self, done) -> None:
        self.done, self.data, self.began = done, bytearray(), None

    def connection_made(self, transport) -> None:
        self.transport = transport

    def ask(self, request: bytes, began: float) -> None:
        self.began = began
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self._whole():
            status, self.data = int(self.data[9:12]), bytearray()
            began, self.began = self.began, None
            self.done(self, status, time.monotonic() - began)

    def _whole(self) -> bool:
        if self.data.endswith(b"0\r\n\r\n"):
            return True
        head, _, body = self.data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return bool(length) and len(body) == int(length)

    def connection_lost(self, exc) -> None:
        if self.began is not None:
            self.done(None, 0, time.monotonic() - self.began)


class Load:
    """Requests of a kind over many connections; `got` collects (status, latency in s)."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.port, self.requests = port, requests
        self.free: deque[Client] = deque()
        self.got: list[tuple[int, float]] = []
        self.count = self.open = 0
        self.again = False  # the closed loop: who is answered asks at once

    async def connect(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count - self.open):
            self.free.append((await loop.create_connection(lambda: Client(self.done), "127.0.0.1", self.port))[1])
            self.open += 1

    def ask(self, began: float) -> None:
        self.count += 1
        self.free.pop().ask(self.requests[self.count % len(self.requests)], began)

    def done(self, client: Client | None, status: int, latency_s: float) -> None:
        self.got.append((status, latency_s))
        if client:
            self.free.append(client)
            if self.again:
                self.ask(time.monotonic())

    @property
    def answers(self) -> int:
        return sum(status == 200 and latency_s < LATE_S for status, latency_s in self.got)

    async def closed(self, concurrency: int, seconds: float) -> int:
        """Answers in that time to so many clients that never pause."""
        await self.connect(concurrency)
        self.again, self.got = True, []
        for _ in range(concurrency):
            self.ask(time.monotonic())
        await asyncio.sleep(seconds)
        answers = self.answers
        self.again = False
        return answers

    async def offered(self, rate: float, seconds: float) -> int:
        """Ask at that rate whatever happens; return how many found no connection free, and were not sent."""
        self.got, due, unsent = [], time.monotonic(), 0
        ends = due + seconds
        while due < ends:
            now = time.monotonic()
            while due <= now:
                if self.free:
                    self.ask(due)
                else:
                    unsent += 1
                due += 1 / rate
            await asyncio.sleep(0.001)
        return unsent

    async def quiet(self) -> None:
        while len(self.free) < self.open:
            await asyncio.sleep(0.05)


def request(key: str, model: str, stream: bool) -> bytes:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Tell me something."}]}
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\naccept: */*\r\n"
    head += f"content-type: application/json\r\nuser-agent: bench\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


@contextmanager
def gateway(proxy: str) -> Iterator[tuple[Served, int]]:
    """A gateway and the port at which clients reach it: its own, or that of a proxy by `tcp` or `unix`."""
    with free_port() as port, tempfile.TemporaryDirectory(prefix="bench-") as name:
        upstream = subprocess.Popen([sys.executable, str(ROOT / "bench" / "upstream.py"), str(port)])
        Path(name).chmod(0o755)  # the workers of nginx are other users
        manage(Path(name), "migrate", "-v0")
        served = Served(Path(name))
        served.proxy_socket = f"{name}/web.sock" if proxy == "unix" else ""
        tenant = {"name": "bench", "keys": [{"name": "k"}], "limits": LIMITS}
        served.apply({"providers": [provider("canned", port, ["bench"])], "tenants": [tenant]})
        served.start()
        keep_apart(served, upstream)
        try:
            with ExitStack() as stack:
                place = f"unix:{served.proxy_socket}" if served.proxy_socket else f"127.0.0.1:{served.port}"
                yield served, stack.enter_context(nginx(Path(name), place)) if proxy else served.port
        finally:
            served.stop()
            upstream.kill()
            upstream.wait()


@contextmanager
def free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    yield port


def keep_apart(served: Served, upstream: subprocess.Popen[bytes]) -> None:
    """The worker on a core of its own, all else on the others."""
    assert served.process
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        return
    for thread in Path(f"/proc/{served.process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {first})
    for pid in (0, upstream.pid):
        os.sched_setaffinity(pid, others)


class Phase:
    """Answers per second, and per second of the worker's processor time."""

    def __init__(self, served: Served) -> None:
        self.served, self.began, self.cpu_s = served, time.monotonic(), cpu_s(served)

    def rates(self, answers: int) -> tuple[float, float]:
        return answers / (time.monotonic() - self.began), answers / (cpu_s(self.served) - self.cpu_s)


def cpu_s(served: Served) -> float:
    assert served.process
    fields = Path(f"/proc/{served.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def told(got: list[tuple[int, float]]) -> None:
    for status in sorted({status for status, _ in got}):
        times = sorted(latency_s * 1000 for found, latency_s in got if found == status)
        p50, p99, worst = times[len(times) // 2], times[int(len(times) * 0.99)], times[-1]
        print(f"  {status}: {len(times)} times, p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {worst:.1f} ms")


async def peak_of(load: Load, served: Served, seconds: float) -> tuple[float, float]:
    found = []
    for concurrency in CONCURRENCIES:
        phase = Phase(served)
        found.append(phase.rates(await load.closed(concurrency, seconds)))
        print(f"{concurrency} clients: {found[-1][0]:,.0f} answers/s, {found[-1][1]:,.0f} per second of processor time")
        await load.quiet()
    return max(found)


async def measure(served: Served, port: int, kind: str, times: float, seconds: float) -> None:
    streams = {"json": [False], "stream": [True], "mixed": [False, True]}[kind]
    load = Load(port, [request(served.key, "bench", stream) for stream in streams])
    await load.closed(CONCURRENCIES[0], 2)
    await load.quiet()
    peak, peak_per_cpu_s = await peak_of(load, served, seconds / 2)
    await load.connect(MOST_CONNECTIONS)
    await asyncio.sleep(2)  # until all are accepted
    print(f"{kind}: offered {peak * times:,.0f}/s")
    for name, lasts in (("the first second", 1.0), ("from then on", seconds)):
        phase = Phase(served)
        unsent = await load.offered(peak * times, lasts)
        goodput, per_cpu_s = phase.rates(load.answers)
        print(f"{name}: goodput {goodput:,.0f}/s, {goodput / peak:.1%} of the peak; per second of processor time "
              f"{per_cpu_s:,.0f}, {per_cpu_s / peak_per_cpu_s:.1%}; {unsent} found no connection free")  # fmt: skip
        told(load.got)
    await load.quiet()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=["json", "stream", "mixed"], default="mixed")
    parser.add_argument("--times", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--proxy", choices=["", "tcp", "unix"], default="", help="how nginx asks; without: no proxy")
    chosen = parser.parse_args()
    with gateway(chosen.proxy) as (served, port):
        uvloop.run(measure(served, port, chosen.kind, chosen.times, chosen.seconds))


if __name__ == "__main__":
    main()
