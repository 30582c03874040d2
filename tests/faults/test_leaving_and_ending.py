"""Rows 30, 31, 38: the client leaves before or within the answer, the worker is told to end."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from providers.sandbox.testing import fault
from tests.faults.conftest import Faulty
from tests.faults.expecting import FALLBACK_TEXT
from tests.faults.matrix import cells, provider

WORDS = "word " * 40


@pytest.fixture(scope="module")
def gateway(migrated, tmp_path_factory, primary, fallback):
    gateway = Faulty.made_from(migrated, tmp_path_factory.mktemp("leaving"))
    ours = [provider("primary", primary.base_url, "alone", "both"), provider("fallback", fallback.base_url, "both")]
    policy = {"name": "primary-first", "kind": "ordered", "order": ["primary/alone", "primary/both", "fallback/both"]}
    tenant = {"name": "team", "keys": [{"name": "ci"}], "default_policy": "primary-first"}
    gateway.apply({"providers": ours, "policies": [policy], "tenants": [tenant]})
    yield gateway.start()
    gateway.stop()


@pytest.fixture(autouse=True)
def forgotten(primary, fallback):
    primary.reset()
    fallback.reset()
    fallback.script(FALLBACK_TEXT, model="both", lasting=True)


def left_after(gateway: Faulty, model: str, stream: bool, patience_s: float) -> float:
    """Ask, leave after a while, and say when."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=gateway.headers, timeout=patience_s)
    return time.time()


@cells(30, "leaves_before_the_first_token")
def test_a_client_that_leaves_early_costs_nothing_more(gateway, primary, fallback, stream, spare):
    model = "both" if spare else "alone"
    primary.script(fault("hang"), model=model)
    left = left_after(gateway, model, stream, 1.5)
    (call,) = primary.calls(ended=True, chats=True)
    assert call.left_early and call.ended_at is not None and call.ended_at - left < 1
    assert fallback.calls(chats=True) == []


@cells(31, "leaves_midway")
def test_a_client_that_leaves_midway_is_recorded_once(gateway, primary, fallback, stream, spare):
    model = "both" if spare else "alone"
    primary.script(fault("stall_mid", text=WORDS), model=model)
    if not stream:
        left = left_after(gateway, model, stream, 1.5)
    else:
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        url = f"{gateway.url}/v1/chat/completions"
        with httpx.stream("POST", url, json=body, headers=gateway.headers, timeout=20) as answer:
            request_id = answer.headers["x-request-id"]
            next(answer.iter_raw())
        left = time.time()
    (call,) = primary.calls(ended=True, chats=True)
    assert call.left_early and call.ended_at is not None and call.ended_at - left < 1
    assert fallback.calls(chats=True) == []
    if stream:
        story = gateway.story(request_id)
        assert (story["status"], len(story["attempts"])) == ("cancelled", 1)
        assert story["usage"]["estimated"] and story["usage"]["completion_tokens"] > 0


@cells(38, "sigterm")
def test_what_runs_when_the_worker_is_told_to_end_is_finished(gateway, primary, stream, spare):
    model = "both" if spare else "alone"
    primary.script(fault("slow_headers", text=WORDS, seconds=1.5), model=model)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(gateway.chat, "Hello", model, stream=stream)
        until = time.monotonic() + 10
        while not primary.calls(chats=True) and time.monotonic() < until:
            time.sleep(0.02)
        gateway.stop(signal.SIGTERM)
        answer = asked.result()
    assert answer.status_code == 200 and "word" in answer.text
    assert not stream or answer.text.rstrip().endswith("data: [DONE]")
    gateway.start()
    assert gateway.story(answer.headers["x-request-id"])["status"] == "answered"
