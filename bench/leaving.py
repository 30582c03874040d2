#!/usr/bin/env python3
"""A thousand clients leave: how soon is the upstream let go, and is each recorded once?

    bench/leaving.py [--count 1000] [--workers 2]

Through the production stack. A third leaves a whole answer that does not come, a third a stream before its first token,
a third in mid-stream. The sandbox tells when each of its calls ended, and that its client had left.
"""

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.books import settled  # noqa: E402
from bench.chaos import PRICE  # noqa: E402
from bench.clients import Log  # noqa: E402
from bench.production import production  # noqa: E402
from bench.services import services  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402

AT_ONCE = 20
PATIENCE_S = 30.0
KINDS = (("hang", False), ("hang", True), ("stall", True))  # the model, which is a fault of the sandbox's; a stream?


def configuration(sandbox: Sandbox) -> dict:
    """Models that never answer, and that stop midway."""
    upstream = {"hang": "demo!hang", "stall": "demo!stall_mid"}
    facts = {"context": 128000, "price": PRICE, "quality": 0.7}
    deployments = [{"model": model, "upstream_model": name, **facts} for model, name in upstream.items()]
    provider = {"name": "sandbox", "wire": "openai", "base_url": sandbox.base_url, "credential": "sk-bench"}
    provider |= {"allow_private": True, "deployments": deployments}
    limits = {"requests_per_minute": 10**6}
    return {"providers": [provider], "tenants": [{"name": "bench", "keys": [{"name": "k"}], "limits": limits}]}


async def leave(port: int, key: str, model: str, stream: bool, pause_s: float) -> tuple[str, float]:
    """Ask, wait for the answer to begin or for a while, and go; return the token and the instant."""
    token = uuid.uuid4().hex
    messages = [{"role": "user", "content": f"token-{token} Tell me of the sea."}]
    body = json.dumps({"model": model, "stream": stream, "messages": messages, "neuroroute": {"session_id": token}})
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    if model == "stall":
        await asyncio.wait_for(reader.readuntil(b"data: "), PATIENCE_S)
    await asyncio.sleep(pause_s)
    left = time.time()
    writer.transport.abort()
    return token, left


async def all_leave(port: int, key: str, count: int, log: Log) -> dict[str, float]:
    """When each left, by token."""
    gate, over = asyncio.Semaphore(AT_ONCE), asyncio.Event()
    follow = asyncio.create_task(log.follow(over))

    async def one(number: int) -> tuple[str, float]:
        async with gate:
            return await leave(port, key, *KINDS[number % len(KINDS)], pause_s=0.3)

    left = dict(await asyncio.gather(*(one(number) for number in range(count))))
    await asyncio.sleep(3)
    over.set()
    await follow
    return left


def told(left: dict[str, float], log: Log, records: Counter) -> bool:
    log.read()
    calls = {token: found[0] for token, found in log.by_token().items()}
    took = sorted((call.ended_at - left[t]) * 1000 for t, call in calls.items() if call.ended_at and call.left_early)
    print(f"{len(left)} left, {len(calls)} calls at the sandbox, {len(took)} of them let go by the gateway")
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    print(f"let go after: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {took[-1]:.1f} ms")
    once, never = (sum(records[token] == times for token in left) for times in (1, 0))
    print(f"recorded once: {once}, not at all: {never}, more than once: {len(left) - once - never}")
    return len(took) == len(calls) == once == len(left) and p99 < 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    with services() as (postgres, cache), Sandbox.start("openai", process=True) as sandbox:
        settings = {"DATABASE_URL": postgres.url, "REDIS_URL": cache.url, "WEB_WORKERS": str(chosen.workers)}
        with production(configuration(sandbox), **settings) as installation:
            log = Log(sandbox)
            left = asyncio.run(all_leave(installation.port, installation.key, chosen.count, log))
            settled(postgres, installation)
            query = "SELECT session, count(*) FROM usage_requestrecord WHERE status = 'cancelled' GROUP BY session"
            sys.exit(not told(left, log, Counter(dict(postgres.rows(query)))))


if __name__ == "__main__":
    main()
