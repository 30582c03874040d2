"""Several web workers on PostgreSQL and Redis behave as one."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.halves import Services, open_services

from .conftest import two_providers
from .gateway import Gateway, manage


@pytest.fixture
def workers(services, tmp_path, primary, fallback):
    """Two web workers on a database and keys of their own (`services` skips where there are none)."""
    with open_services() as own:
        assert isinstance(own, Services)
        env = own.environment() | {"WEB_WORKERS": "2"}
        manage(tmp_path, "migrate", "-v0", env=env)
        gateway = Gateway(tmp_path, env)
        gateway.apply(two_providers(primary, fallback, limits={"requests_per_minute": 40}))
        yield gateway.start("--workers", "2")
        gateway.stop()


def test_two_workers_share_limits_configuration_records_metrics_and_revocations(workers, primary, fallback):
    if time.time() % 60 > 40:
        time.sleep(61 - time.time() % 60)  # all in one window
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: workers.chat("Hello").status_code, range(60)))
    assert codes.count(429) == 20 and codes.count(200) == 40, codes

    workers.apply({"tenants": [{"name": "team", "limits": {"requests_per_minute": None}}]})
    time.sleep(1)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: workers.chat("Hello").status_code, range(16))) == {200}

    workers.ship()
    counts = {requests_counted(workers) for _ in range(8)}  # whichever worker answers
    assert counts == {56.0}
    story = workers.story(workers.chat("Hello", stream=True).headers["x-request-id"])
    assert story["status"] == "answered"

    shell = "from tenants import keys, models; keys.revoke(models.ClientKey.objects.get(name='ci'))"
    manage(workers.var, "shell", "-c", shell, env=workers.env)
    deadline = time.monotonic() + 5  # usually half a second: bench/revocation.py
    while time.monotonic() < deadline and set(asked_often(workers)) != {401}:
        time.sleep(0.1)
    assert set(asked_often(workers)) == {401}


def asked_often(gateway: Gateway) -> list[int]:
    """The statuses of as many connections as reach both workers."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: gateway.chat("Hello").status_code, range(16)))


def requests_counted(gateway: Gateway) -> float:
    """`llm_requests_total`, summed over its labels."""
    text = httpx.get(f"{gateway.url}/metrics", timeout=10).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("llm_requests_total{"))
