"""Rows 30, 31, 38: the client leaves before or within the answer, the worker is told to end."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from msgspec import Struct

from providers.sandbox.testing import fault
from tests.faults.conftest import Supervised
from tests.faults.expecting import FALLBACK_TEXT
from tests.faults.matrix import WAYS, cells, provider

WORDS = "word " * 40


@pytest.fixture(scope="module")
def gateway(migrated, tmp_path_factory, primary, fallback):
    gateway = Supervised.made_from(migrated, tmp_path_factory.mktemp("leaving"), {"DRAIN_S": "2"})
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


def left_after(gateway: Supervised, model: str, stream: bool, patience_s: float) -> float:
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


class Ended(Struct):
    """What came of an end in the middle of all cells: answers, stories, whether readiness had flipped before."""

    answers: dict[tuple[bool, bool], httpx.Response]
    stories: dict[tuple[bool, bool], dict[str, Any]]
    ready: list[int]  # statuses: before, and as soon as it was told to end
    running: int  # answers that were not over when readiness flipped


@pytest.fixture(scope="module")
def ended(gateway, primary, fallback):
    primary.reset()
    fallback.reset()
    primary.script(fault("stall_mid", text=WORDS, seconds=4), lasting=True)
    with ThreadPoolExecutor(len(WAYS)) as pool:
        asked = {way: pool.submit(gateway.chat, "Hello", "both" if way[1] else "alone", stream=way[0]) for way in WAYS}
        wait_for(lambda: sum(call.chunks > 0 for call in primary.calls(chats=True)) == len(WAYS))
        ready = [readiness(gateway)]
        gateway.process.send_signal(signal.SIGTERM)
        wait_for(lambda: readiness(gateway) != ready[0])
        ready.append(readiness(gateway))
        running = sum(not each.done() for each in asked.values())
        answers = {way: each.result() for way, each in asked.items()}
    assert gateway.process.wait(30) == 0
    gateway.start()
    stories = {way: gateway.story(answer.headers["x-request-id"]) for way, answer in answers.items()}
    return Ended(answers, stories, ready, running)


def readiness(gateway: Supervised) -> int:
    return httpx.get(f"{gateway.url}/health/ready", timeout=10).status_code


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


@cells(38, "sigterm")
def test_what_runs_when_the_worker_is_told_to_end_is_finished(ended, stream, spare):
    answer = ended.answers[stream, spare]
    assert answer.status_code == 200 and answer.text.count("word") == WORDS.count("word")
    assert not stream or answer.text.rstrip().endswith("data: [DONE]")
    assert ended.stories[stream, spare]["status"] == "answered"
    assert (ended.ready, ended.running) == ([200, 503], len(WAYS))
