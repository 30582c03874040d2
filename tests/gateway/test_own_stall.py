"""A worker that stood still does not take its upstreams for dead."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from providers.sandbox.testing import fault

from .conftest import two_providers


def test_a_stall_of_our_own_ejects_nobody_and_is_counted(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback))
    assert gateway.chat("Hello").status_code == 200
    primary.script(*[fault("slow_headers", seconds=1)] * 8)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(gateway.chat, "Hello") for _ in range(8)]
        while len(primary.calls(chats=True)) < 9:
            time.sleep(0.02)
        os.kill(gateway.process.pid, signal.SIGSTOP)
        time.sleep(3)  # the first byte of every answer is overdue by now, though it lies in the socket
        os.kill(gateway.process.pid, signal.SIGCONT)
        assert {each.result().status_code for each in waiting} == {200}
    health = httpx.get(f"{gateway.url}/v1/health/providers", headers=gateway.headers).json()
    assert {each["provider"]: each["state"] for each in health["data"]} == {"primary": "healthy", "fallback": "healthy"}
    until = time.monotonic() + 10  # the loop tells of a stall when its turn comes
    while not stalls_of(counted := httpx.get(f"{gateway.url}/metrics", timeout=10).text):
        assert time.monotonic() < until, "no stall was counted"
        time.sleep(0.1)
    assert "llm_event_loop_lag_seconds_bucket" in counted


def stalls_of(metrics: str) -> float:
    (stalls,) = re.findall(r"^llm_event_loop_stalls_total ([\d.]+)$", metrics, re.M)
    return float(stalls)
