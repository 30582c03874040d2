"""A tenant's own limits, with a Retry-After that is right."""

import time
from contextlib import ExitStack

import httpx

from providers.sandbox.testing import fault

from .conftest import two_providers


def test_the_minute_is_full_and_says_when_it_empties(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback, limits={"requests_per_minute": 3, "requests_per_day": 100}))
    if time.time() % 60 > 50:
        time.sleep(61 - time.time() % 60)  # all in one window
    answers = [gateway.chat("Hello") for _ in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert [a.headers["x-ratelimit-remaining-requests"] for a in answers[:3]] == ["2", "1", "0"]
    refused = answers[-1]
    wait = int(refused.headers["retry-after"])
    assert 0 < wait <= 60
    assert abs((time.time() + wait) % 60 - 0) < 2.5 or (time.time() + wait) % 60 > 57.5
    assert refused.json()["error"]["code"] == "rate_limit_exceeded" and "minute" in refused.json()["error"]["message"]
    assert gateway.chat("Hello", stream=True).status_code == 429
    calls = len(primary.calls(chats=True)) + len(fallback.calls(chats=True))
    assert calls == 3


def test_tokens_are_settled_when_the_answer_is_there(make_gateway, primary, fallback):
    keys = [{"name": "ci", "limits": {"tokens_per_minute": 5000}}]
    gateway = make_gateway(two_providers(primary, fallback, keys=keys))
    if time.time() % 60 > 50:
        time.sleep(61 - time.time() % 60)  # all in one window
    first = gateway.chat("Hello", max_tokens=4000)
    took = first.json()["usage"]["total_tokens"]
    assert int(first.headers["x-ratelimit-remaining-tokens"]) < 1000 and took < 500
    second, _ = gateway.events("Hello", max_tokens=4000, stream_options={"include_usage": True})
    assert second.headers["x-ratelimit-limit-tokens"] == "5000"
    assert (
        int(second.headers["x-ratelimit-remaining-tokens"]) == int(first.headers["x-ratelimit-remaining-tokens"]) - took
    )
    larger = gateway.chat("Hello", max_tokens=6000)
    assert (larger.status_code, larger.headers["x-should-retry"]) == (429, "false")
    assert larger.json()["error"]["code"] == "request_exceeds_limit" and "key ci of team" in larger.text


def test_only_so_many_requests_run_at_once(make_gateway, primary, fallback):
    keys = [{"name": "ci", "limits": {"concurrent_requests": 2}}]
    gateway = make_gateway(two_providers(primary, fallback, keys=keys))
    body = {"model": "primary/demo", "stream": True, "messages": [{"role": "user", "content": "Long"}]}
    primary.script(fault("stall_mid", text="word " * 40), fault("stall_mid", text="word " * 40))
    pieces = []
    with ExitStack() as running:
        for _ in range(2):
            address = f"{gateway.url}/v1/chat/completions"
            answer = httpx.stream("POST", address, json=body, headers=gateway.headers, timeout=30)
            pieces.append(running.enter_context(answer).iter_raw())  # kept: a forgotten iterator closes its stream
            next(pieces[-1])
        for stream in (False, True):
            refused = gateway.chat("Hello", stream=stream)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            assert refused.json()["error"]["code"] == "concurrency_limit_exceeded"
        left = httpx.get(f"{gateway.url}/v1/usage", headers=gateway.headers).json()["limits"]
        assert [(limit["name"], limit["of"], limit["remaining"]) for limit in left] == [
            ("concurrent_requests", "key", 0)
        ]
    time.sleep(0.3)  # both clients have left
    assert [gateway.chat("Hello").status_code for _ in range(3)] == [200] * 3


def test_a_body_that_cannot_be_read_is_not_counted(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback, limits={"requests_per_day": 1}))
    for stream in (False, True):
        assert gateway.chat("Hello", temperature="hot", stream=stream).status_code == 400
    assert gateway.chat("Hello").status_code == 200
    assert gateway.chat("Hello").status_code == 429


def test_a_restart_does_not_forget_the_day(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback, limits={"requests_per_day": 2}))
    assert [gateway.chat("Hello").status_code for _ in range(2)] == [200, 200]
    gateway.stop()
    gateway.start()
    refused = gateway.chat("Hello")
    assert refused.status_code == 429 and "day" in refused.json()["error"]["message"]
    assert abs(int(refused.headers["retry-after"]) - (86400 - time.time() % 86400)) < 5


def test_what_a_tenant_may_not_call_is_forbidden(make_gateway, primary, fallback):
    allow = {"models": ["fallback/*"], "policies": ["primary-first"]}
    gateway = make_gateway(two_providers(primary, fallback, allow=allow))
    assert gateway.chat("Hello").headers["x-neuroroute-provider"] == "fallback"
    assert gateway.chat("Hello", "primary/demo").status_code == 403
    assert gateway.chat("Hello", "auto:cheap").status_code == 403
