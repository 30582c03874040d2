#!/usr/bin/env python3
"""How long does `/v1/models` take with 1,000 deployments? Asked over one kept connection, as front ends do.

    bench/models.py [--deployments 1000] [--calls 300]

Prints percentiles of the whole exchange over real HTTP, the worker's CPU time per call, and the size of the answer, for
a key that may call everything and for one whose allow list is checked model by model.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.gateway.gateway import Gateway, manage  # noqa: E402

SKILLS = ["tools", "vision", "json_mode", "json_schema"]
PER_PROVIDER = 50


def configuration(deployments: int) -> dict[str, Any]:
    facts = {"context": 128000, "price": {"input": 0.15, "output": 0.6}, "capabilities": SKILLS, "quality": 0.7}
    providers = [
        {
            "name": f"provider{number}",
            "wire": "openai",
            "base_url": "http://127.0.0.1:9/v1",
            "allow_private": True,
            "deployments": [{"model": f"model-{number}-{each}", **facts} for each in range(PER_PROVIDER)],
        }
        for number in range(deployments // PER_PROVIDER)
    ]
    narrow = {"models": [f"model-{number}-*" for number in range(20)]}
    tenants = [{"name": "all", "keys": [{"name": "k"}]}, {"name": "some", "keys": [{"name": "k"}], "allow": narrow}]
    return {"providers": providers, "tenants": tenants}


def cpu_ms(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 10.0


def measure(gateway: Gateway, key: str, calls: int) -> None:
    assert gateway.process is not None
    headers = {"authorization": f"Bearer {gateway.keys[key]}"}
    with httpx.Client(base_url=gateway.url, headers=headers) as client:
        first = time.perf_counter()
        size = len(client.get("/v1/models").content)
        first = (time.perf_counter() - first) * 1000
        before, times = cpu_ms(gateway.process.pid), []
        for _ in range(calls):
            began = time.perf_counter()
            client.get("/v1/models").raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
        cpu = (cpu_ms(gateway.process.pid) - before) / calls
    centiles = statistics.quantiles(times, n=100)
    print(
        f"{key}: p50 {centiles[49]:.2f} ms, p99 {centiles[98]:.2f} ms, first {first:.2f} ms, CPU {cpu:.2f} ms per call,"
        f" {size:,} bytes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deployments", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        manage(Path(name), "migrate", "-v0")
        gateway = Gateway(Path(name))
        gateway.apply(configuration(asked.deployments))
        gateway.start()
        try:
            for key in gateway.keys:
                measure(gateway, key, asked.calls)
        finally:
            gateway.stop()


if __name__ == "__main__":
    main()
