#!/usr/bin/env python3
"""Which ASGI server? Four tests decide, and speed among those that pass (docs/adr/0001-server.md).

    bench/servers.py [granian] [uvicorn]

1. A client that leaves a stream is heard (`http.disconnect`) within a second.
2. After 1,000 aborted streams the idle server uses no CPU.
3. SIGTERM lets a running stream finish, and does not look like a client that left.
4. Memory is flat between 5,000 and 30,000 requests.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIVES: dict[str, float] = {"heard": 0, "streams": 0}


async def app(scope, receive, send):
    """`/` answers at once, `/slow` streams for 3 s, `/stats` tells how many left streams were heard."""
    if scope["type"] != "http":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    if scope["path"] == "/slow":
        await _stream(receive, send)
        return
    body = f"{LIVES['heard']:.0f}".encode() if scope["path"] == "/stats" else b'{"ok":true}'
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


async def _stream(receive, send):
    left = asyncio.create_task(receive())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for _ in range(30):
        await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
        await asyncio.wait([left], timeout=0.1)
        if left.done():
            LIVES["heard"] += 1
            return
    left.cancel()
    await send({"type": "http.response.body", "body": b"data: whole\n\n", "more_body": False})


COMMANDS = {
    "granian": [
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--loop",
        "uvloop",
        "--no-access-log",
        "--no-ws",
        "--workers-kill-timeout",
        "10",
    ],
    "uvicorn": [
        "-m",
        "uvicorn",
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--timeout-graceful-shutdown",
        "10",
    ],
}


class Server:
    """One server on a free port, with all its processes."""

    def __init__(self, name):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, *COMMANDS[name], "--host", "127.0.0.1", "--port", str(self.port), "servers:app"]
        self.process = subprocess.Popen(command, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.1)

    def pids(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return [self.process.pid, *map(int, children)]

    def cpu_s(self):
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def rss_mb(self):
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in self.pids()) / 1e6


async def request(port, path, read=True):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    await writer.drain()
    data = await reader.read() if read else await reader.read(200)
    writer.transport.abort() if not read else writer.close()
    return data


async def heard(port):
    before = int((await request(port, "/stats")).split(b"\r\n\r\n")[1])
    await request(port, "/slow", read=False)
    await asyncio.sleep(1)
    return int((await request(port, "/stats")).split(b"\r\n\r\n")[1]) - before == 1


async def aborted(port, count=1000):
    for start in range(0, count, 50):
        await asyncio.gather(*(request(port, "/slow", read=False) for _ in range(start, start + 50)))
    await asyncio.sleep(4)


async def rush(port, count):
    async def one_connection(n):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(n):
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await reader.readuntil(b'{"ok":true}')
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(one_connection(count // 32) for _ in range(32)))
    return count / (time.monotonic() - began)


async def drains(server):
    work = asyncio.create_task(request(server.port, "/slow"))
    await asyncio.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    try:
        data = await asyncio.wait_for(work, 15)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return b"data: whole" in data


def judge(name):
    server = Server(name)
    print(f"{name}: a left stream is heard within 1 s: {asyncio.run(heard(server.port))}")
    asyncio.run(aborted(server.port))
    before = server.cpu_s()
    time.sleep(5)
    print(f"{name}: CPU in 5 idle seconds after 1,000 aborted streams: {server.cpu_s() - before:.2f} s")
    asyncio.run(rush(server.port, 5_000))
    early = server.rss_mb()
    rate = asyncio.run(rush(server.port, 25_000))
    print(f"{name}: memory {early:.1f} MB after 5,000 requests, {server.rss_mb():.1f} MB after 30,000")
    print(f"{name}: {rate:,.0f} requests/s")
    print(f"{name}: a running stream survives SIGTERM whole: {asyncio.run(drains(server))}")
    server.process.wait(20)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or COMMANDS:
        judge(chosen)
