"""Two web workers on Redis: what one learns about an upstream the other acts upon, and both forget on demand."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from providers.sandbox.testing import fault, rate_limited
from tests.halves import Services, open_services

from .conftest import two_providers
from .gateway import Gateway, manage


@pytest.fixture(scope="module")
def both(services, tmp_path_factory, primary_process, fallback_process):
    with open_services() as own:
        assert isinstance(own, Services)
        var, env = tmp_path_factory.mktemp("workers"), own.environment() | {"WEB_WORKERS": "2"}
        manage(var, "migrate", "-v0", env=env)
        gateway = Gateway(var, env)
        gateway.apply(two_providers(primary_process, fallback_process))
        yield gateway.start("--workers", "2")
        gateway.stop()


def asked_at_once(gateway, number):
    """Who answered each of some simultaneous requests, which both workers get some of."""
    with ThreadPoolExecutor(number) as pool:
        answers = list(pool.map(lambda _: gateway.chat("Hello"), range(number)))
    assert {answer.status_code for answer in answers} == {200}
    return [answer.headers["x-neuroroute-provider"] for answer in answers]


def states(gateway, model="primary/demo"):
    """What the workers, whichever answers, say of the deployment: cooling down, else how its breaker stands."""
    found = set()
    for _ in range(12):
        listed = httpx.get(f"{gateway.url}/v1/health/providers", headers=gateway.headers, timeout=30).json()["data"]
        rows = [row for each in listed for row in each["deployments"] if row["deployment"] == model]
        found |= {"cooldown" if row["state"] == "cooldown" else row["breaker"] for row in rows}
    return found


def wait_for(gateway, *expected):
    began = time.monotonic()
    while not (found := states(gateway)) <= set(expected):
        assert time.monotonic() - began < 30, found


@pytest.mark.parametrize("refusal", [fault("401"), rate_limited(retry_after=200), fault("429-quota")])
def test_a_refusal_that_one_worker_met_keeps_both_away_until_health_is_reset(both, primary, fallback, refusal):
    primary.script(refusal)
    assert asked_at_once(both, 1) == ["fallback"]
    wait_for(both, "cooldown")
    assert set(asked_at_once(both, 12)) == {"fallback"}
    assert len(primary.calls(chats=True)) == 1
    manage(both.var, "reset_health", env=both.env)
    wait_for(both, "closed")
    assert set(asked_at_once(both, 12)) == {"primary"}


def test_a_breaker_opens_in_both_workers_and_closes_in_both(both, primary, fallback):
    primary.script(*[fault("503")] * 100)
    for _ in range(4):
        asked_at_once(both, 6)
    wait_for(both, "open", "half_open")
    failed = len(primary.calls(chats=True))
    assert set(asked_at_once(both, 12)) == {"fallback"}
    assert len(primary.calls(chats=True)) <= failed + 1, "a probe at most"
    primary.reset()
    for _ in range(100):
        if set(asked_at_once(both, 4)) == {"primary"}:
            break
        time.sleep(0.1)
    wait_for(both, "closed")


def test_a_breaker_that_is_opened_by_hand_is_open_in_both_workers_until_health_is_reset(both, primary, fallback):
    code = "from routing import resets; resets.ask('primary/demo', opens=True)"
    manage(both.var, "shell", "-c", code, env=both.env)
    wait_for(both, "open")
    assert set(asked_at_once(both, 12)) == {"fallback"}
    assert primary.calls(chats=True) == []
    manage(both.var, "reset_health", env=both.env)
    wait_for(both, "closed")
    assert set(asked_at_once(both, 12)) == {"primary"}


def test_two_workers_send_one_probe_together(both, primary, fallback):
    primary.script(*[fault("503")] * 100)
    for _ in range(4):
        asked_at_once(both, 6)
    wait_for(both, "open", "half_open")
    primary.reset()
    primary.script(*[fault("slow_headers", seconds=1.5)] * 40)
    began = time.monotonic()
    while not primary.calls(chats=True):
        assert time.monotonic() - began < 30
        answered = asked_at_once(both, 8)
    assert answered.count("primary") == len(primary.calls(chats=True)) == 1
    wait_for(both, "closed")
