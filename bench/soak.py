#!/usr/bin/env python3
"""Ten minutes of load with random faults: does any client notice while one provider is healthy, and is memory flat?

    bench/soak.py [--seconds 600] [--rate 300] [--workers 2]

One provider fails by chance in eight ways and is always asked first, the other is healthy; a tenth of the clients
leaves early. Prints what clients heard, latencies, the memory of each web worker over time with its slope, and whether
the books agree.
"""

import argparse
import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.books import Books, compare, settled  # noqa: E402
from bench.chaos import configuration  # noqa: E402
from bench.clients import Clients, Log  # noqa: E402
from bench.production import Production, production  # noqa: E402
from bench.services import services  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402
from tests.run.installation import web_workers  # noqa: E402

FAULTS = {"429": 0.03, "500": 0.05, "503": 0.05, "reset": 0.03, "cut_before": 0.03, "html": 0.02,
          "error_in_stream_before": 0.03, "empty": 0.02}  # fmt: skip
SAMPLE_S = 5.0
SLOW_MS = 2000
KINDS = (*("json", "stream") * 9, "leaving json", "leaving stream")
Samples = dict[int, list[tuple[float, float]]]


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def watch_memory(installation: Production, over: asyncio.Event) -> Samples:
    """Seconds and MB by worker."""
    loop, samples = asyncio.get_running_loop(), {pid: [] for pid in web_workers(installation)}
    began = loop.time()
    while not over.is_set():
        for pid, found in samples.items():
            found.append((loop.time() - began, memory_mb(pid)))
        await asyncio.sleep(SAMPLE_S)
    return samples


def slope_mb_per_minute(samples: list[tuple[float, float]]) -> float:
    """Least squares, the first third left out: what is loaded once is no leak."""
    late = samples[len(samples) // 3 :]
    mean_t, mean_mb = (sum(column) / len(late) for column in zip(*late, strict=True))
    return 60 * sum((t - mean_t) * (mb - mean_mb) for t, mb in late) / (sum((t - mean_t) ** 2 for t, _ in late) or 1.0)


async def soak(installation: Production, clients: Clients, log: Log, rate: float, seconds: float) -> Samples:
    over = asyncio.Event()
    follow = asyncio.create_task(log.follow(over))
    memory = asyncio.create_task(watch_memory(installation, over))
    await clients.run(1000, rate, seconds)
    over.set()
    await follow
    return await memory


def told(clients: Clients, samples: Samples) -> None:
    times = sorted(heard.took_s * 1000 for heard in clients.heard.values() if heard.said == "answered")
    print(f"{len(clients.heard)} requests; clients heard {dict(Counter(h.said for h in clients.heard.values()))}")
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    slow = sum(took_ms > SLOW_MS for took_ms in times)
    print(f"answered: p50 {p50:.1f} ms, p99 {p99:.1f} ms; {slow} took longer than {SLOW_MS} ms")
    for pid, found in samples.items():
        shown = ", ".join(f"{mb:.0f}" for _, mb in found[:: max(len(found) // 10, 1)])
        print(f"worker {pid}: {shown} MB; slope {slope_mb_per_minute(found):+.2f} MB per minute")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    start = Sandbox.start
    with services() as (postgres, cache), start("openai", process=True) as ill, start("openai", process=True) as well:
        ill.fault_rates(seed=1, **FAULTS)
        settings = {"DATABASE_URL": postgres.url, "REDIS_URL": cache.url, "WEB_WORKERS": str(chosen.workers)}
        with production(configuration(ill, well), **settings) as installation:
            clients, log = Clients(installation.url, installation.key, kinds=KINDS), Log(ill, well)
            told(clients, asyncio.run(soak(installation, clients, log, chosen.rate, chosen.seconds)))
            settled(postgres, installation)
            sys.exit(not compare(Books(clients, log, postgres)))


if __name__ == "__main__":
    main()
