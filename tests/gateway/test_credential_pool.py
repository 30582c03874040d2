"""Several credentials of one provider, through the full server: turns, and what each refusal means for each of them."""

import time

import pytest

from providers.sandbox.testing import fault, rate_limited

from .conftest import two_providers
from .gateway import Watched, manage

ONE, TWO = "sk-upstream-first-1111", "sk-upstream-second-2222"


@pytest.fixture(scope="module")
def running(migrated, tmp_path_factory, primary_process, fallback_process):
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("pool"))
    configuration = two_providers(primary_process, fallback_process)
    configuration["providers"][0]["credential"] = [ONE, TWO]
    gateway.apply(configuration)
    yield gateway.start()
    gateway.stop()
    assert not gateway.complaints()


@pytest.fixture
def pooled(running, primary, fallback):
    yield running
    manage(running.var, "reset_health")
    time.sleep(0.6)


def keys_used(sandbox):
    return [call.headers["authorization"].removeprefix("Bearer ") for call in sandbox.calls(chats=True)]


def providers_of(gateway, number):
    return [gateway.chat("Hello").headers["x-neuroroute-provider"] for _ in range(number)]


def test_the_credentials_take_turns(pooled, primary):
    assert providers_of(pooled, 4) == ["primary"] * 4
    used = keys_used(primary)
    assert used in ([ONE, TWO, ONE, TWO], [TWO, ONE, TWO, ONE])


@pytest.mark.parametrize("refusal", [rate_limited(retry_after=30), fault("429-quota"), fault("401"), fault("403")])
def test_a_refusal_of_one_credential_is_answered_with_the_other(pooled, primary, fallback, refusal):
    primary.script(refusal)
    answer = pooled.chat("Hello")
    assert answer.headers["x-neuroroute-provider"] == "primary" and answer.headers["x-neuroroute-attempts"] == "2"
    refused, good = keys_used(primary)
    assert {refused, good} == {ONE, TWO}
    assert providers_of(pooled, 4) == ["primary"] * 4
    assert keys_used(primary)[2:] == [good] * 4 and not fallback.calls(chats=True)
    attempts = pooled.story(answer.headers["x-request-id"])["attempts"]
    assert [attempt["status"] for attempt in attempts] == ["failed", "answered"]


def test_each_credential_comes_back_when_its_own_retry_after_is_over(pooled, primary, fallback):
    primary.script(rate_limited(retry_after=1), rate_limited(retry_after=60))
    assert providers_of(pooled, 1) == ["fallback"]
    first, second = keys_used(primary)
    assert first != second
    began = time.monotonic()
    while providers_of(pooled, 1) != ["primary"]:
        assert time.monotonic() - began < 20
        time.sleep(0.1)
    assert time.monotonic() - began > 0.5, "it was asked before its time"
    assert keys_used(primary)[2:] == [first], "the other one's minute is not over"


def test_a_credential_that_is_replaced_is_tried_at_once(pooled, primary, fallback):
    primary.script(fault("401"), fault("401"))
    assert providers_of(pooled, 2) == ["fallback"] * 2
    configuration = two_providers(primary, fallback)["providers"][:1]
    try:
        pooled.apply({"providers": [configuration[0] | {"credential": ["sk-upstream-new-3333", TWO]}]})
        began = time.monotonic()
        while providers_of(pooled, 1) != ["primary"]:
            assert time.monotonic() - began < 20
        assert keys_used(primary)[2:] == ["sk-upstream-new-3333"]
    finally:
        pooled.apply({"providers": [configuration[0] | {"credential": [ONE, TWO]}]})
