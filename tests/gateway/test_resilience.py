"""Upstreams that fail for a while, through the full server: who is asked meanwhile, and how often."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from providers.sandbox.testing import Sandbox, fault

from .conftest import two_providers
from .gateway import Gateway, Watched, text_of


@pytest.fixture(scope="module")
def served(migrated, tmp_path_factory, primary_process, fallback_process):
    """A gateway of these tests' own: its breakers are nobody else's."""
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("resilience"))
    gateway.apply(two_providers(primary_process, fallback_process))
    yield gateway.start()
    gateway.stop()
    assert not gateway.complaints()


def at_once(gateway: Gateway, number: int, model: str = "auto") -> list[str]:
    """Who answered each of some simultaneous requests; for one that failed its status."""
    with ThreadPoolExecutor(number) as pool:
        answers = list(pool.map(lambda _: gateway.chat("Hello", model), range(number)))
    return [each.headers["x-neuroroute-provider"] if each.is_success else str(each.status_code) for each in answers]


def calls(sandbox: Sandbox) -> int:
    return len(sandbox.calls(chats=True))


def opened(gateway: Gateway, primary: Sandbox) -> int:
    """Fail until the breaker opens; the primary's calls by then."""
    primary.script(*[fault("503")] * 400)
    for _ in range(3):
        assert set(at_once(gateway, 4)) == {"fallback"}
    return calls(primary)


def test_row36_a_probe_goes_alone_and_brings_the_deployment_back(served, primary, fallback):
    failed = opened(served, primary)
    assert failed <= 5 + 3, "those that were under way when the fifth failed"
    primary.reset()
    primary.script(*[fault("slow_headers", seconds=1.5)] * 20)
    began = time.monotonic()
    while not calls(primary):
        assert time.monotonic() - began < 20
        answered = at_once(served, 6)
    assert answered.count("primary") == calls(primary) == 1, "one probe, however many ask meanwhile"
    primary.reset()
    assert set(at_once(served, 4)) == {"primary"}, "the probe closed the breaker"


def test_row36_while_it_stays_down_it_is_probed_and_not_flooded(served, primary, fallback):
    failed = opened(served, primary)
    began = time.monotonic()
    while time.monotonic() - began < 9:  # cooldowns of about 4 s (it has failed before) and 8 s
        assert set(at_once(served, 4)) == {"fallback"}
    assert 1 <= calls(primary) - failed <= 3


def test_row10_a_burst_of_errors_makes_no_storm_of_retries(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback))
    primary.script(*[fault("500")] * 400)
    answered = [status for _ in range(5) for status in at_once(gateway, 8, "primary/demo")]
    assert set(answered) == {"503"}
    assert 40 <= calls(primary) <= 1.2 * 40 + 3


def test_a_stream_that_begins_ends_the_probation_before_it_is_over(make_gateway, primary, fallback):
    configuration = two_providers(primary, fallback)
    configuration["providers"][0]["deployments"][0]["timeouts"]["stall"] = 30
    gateway = make_gateway(configuration)
    opened(gateway, primary)
    primary.reset()
    primary.script(*[fault("stall_mid", seconds=10)] * 2)
    with ThreadPoolExecutor(1) as pool:
        while not calls(primary):
            long = pool.submit(gateway.events, "Hello")
            time.sleep(0.3)
        primary.script("Quick")
        while gateway.chat("Hello").headers["x-neuroroute-provider"] != "primary":
            assert not long.done(), "the probe was over before anybody else was let through"
        assert text_of(long.result()[1])
