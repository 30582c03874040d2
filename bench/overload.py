#!/usr/bin/env python3
"""What becomes of a worker that is offered three times what it can do?

    bench/overload.py [--kind json|stream|mixed] [--times 3] [--seconds 3] [--rounds 12] [--proxy tcp|unix]

In turns: a closed loop of 32 clients, whose answers per second are the peak, and an open loop that offers `--times` as
many: requests come at their instants, whether or not earlier ones are answered. Goodput is a share of the peaks before
and after it, in all and by rounds, because machines change their speed by a fifth within a minute. Prints that, and the
refusals' latency, counted from the instant at which a request was to be sent; the first second, in which connections
are new to the work, also by itself.

Load generator and upstream take processor time from the worker where cores are few, so the worker has the first core to
itself and they share the others (where there is one, goodput per second of the worker's own time is what tells). Over
loopback the worker also does what the kernel does for the clients' receiving; with `--proxy` nginx stands between, as
it does in production.
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
from itertools import pairwise
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.gateway import LIMITS, provider  # noqa: E402
from bench.proxied import nginx  # noqa: E402
from tests.gateway.gateway import manage  # noqa: E402
from tests.gateway.served import Served  # noqa: E402

MOST_CONNECTIONS = 4000
CLIENTS = 32  # of the closed loop: as many answers as with 128, and none is refused
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


class Rounds:
    """Peak and overload in turns. `parts` are names of parts of an overload with the seconds that each lasts."""

    def __init__(self, load: Load, served: Served, times: float, parts: dict[str, float]) -> None:
        self.load, self.served, self.times, self.parts = load, served, times, parts
        self.peaks: list[tuple[float, float]] = []
        self.goodputs: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
        self.got: dict[str, list[tuple[int, float]]] = {name: [] for name in parts}
        self.unsent = 0

    async def peak(self, seconds: float) -> None:
        phase = Phase(self.served)
        self.peaks.append(phase.rates(await self.load.closed(CLIENTS, seconds)))
        await self.load.quiet()

    async def overload(self) -> None:
        for name, lasts in self.parts.items():
            phase = Phase(self.served)
            self.unsent += await self.load.offered(self.peaks[-1][0] * self.times, lasts)
            self.goodputs[name].append(phase.rates(self.load.answers))
            self.got[name] += self.load.got
        await self.load.quiet()

    def told(self) -> None:
        peaks = ", ".join(f"{peak:,.0f}" for peak, _ in self.peaks)
        print(f"peaks: {peaks} answers/s; offered {self.times:g} times")
        for name, goodputs in self.goodputs.items():
            for which, unit in enumerate(("", " per second of processor time")):
                beside = [(before[which] + after[which]) / 2 for before, after in pairwise(self.peaks)]
                good = [goodput[which] for goodput in goodputs]
                each = ", ".join(f"{one / peak:.1%}" for one, peak in zip(good, beside, strict=True))
                print(f"{name}: goodput{unit} {sum(good) / sum(beside):.1%} of the peak, by rounds {each}")
            told(self.got[name])
        print(f"{self.unsent} found no connection free")


async def measure(served: Served, port: int, kind: str, times: float, seconds: float, rounds: int) -> None:
    streams = {"json": [False], "stream": [True], "mixed": [False, True]}[kind]
    load = Load(port, [request(served.key, "bench", stream) for stream in streams])
    await load.closed(CLIENTS, 2)
    await load.quiet()
    await load.connect(MOST_CONNECTIONS)
    await asyncio.sleep(2)  # until all are accepted
    turns = Rounds(load, served, times, {"the first second": 1.0, "from then on": seconds})
    await turns.peak(seconds)
    for _ in range(rounds):
        await turns.overload()
        await turns.peak(seconds)
    turns.told()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=["json", "stream", "mixed"], default="mixed")
    parser.add_argument("--times", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a peak, and of an overload after its first")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--proxy", choices=["", "tcp", "unix"], default="", help="how nginx asks; without: no proxy")
    chosen = parser.parse_args()
    with gateway(chosen.proxy) as (served, port):
        uvloop.run(measure(served, port, chosen.kind, chosen.times, chosen.seconds, chosen.rounds))


if __name__ == "__main__":
    main()
