"""When the client leaves, the upstream stops: nobody pays for answers that nobody reads."""

import threading
import time

import httpx
import pytest

from providers.sandbox.testing import Sandbox, fault

from .conftest import two_providers


def test_a_client_that_leaves_a_stream_cancels_the_upstream_within_a_second(gateway, primary):
    primary.script(fault("stall_mid", text="word " * 40))
    body = {"model": "demo", "stream": True, "messages": [{"role": "user", "content": "Long"}]}
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, headers=gateway.headers) as answer:
        request_id = answer.headers["x-request-id"]
        next(answer.iter_raw())
    left = time.time()
    call = primary.calls(ended=True, chats=True)[-1]
    assert call.left_early and call.ended_at is not None and call.ended_at - left < 1
    story = gateway.story(request_id)
    assert story["status"] == "cancelled"
    assert story["usage"]["estimated"] and story["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_before_the_answer_cancels_the_upstream(gateway, primary, stream):
    primary.script(fault("hang"))
    body = {"model": "primary/demo", "stream": stream, "messages": [{"role": "user", "content": "Hang"}]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=gateway.headers, timeout=0.5)
    left = time.time()
    call = primary.calls(ended=True, chats=True)[-1]
    assert call.left_early and call.ended_at is not None and call.ended_at - left < 1


def test_sigterm_lets_a_running_stream_finish_and_loses_no_record(make_gateway, fallback):
    with Sandbox.start("openai", pace=4) as slow:
        gateway = make_gateway(two_providers(slow, fallback))
        slow.script("word " * 150)
        results = []
        thread = threading.Thread(target=lambda: results.append(gateway.events("Slow")))
        thread.start()
        while not slow.calls(chats=True):
            time.sleep(0.05)
        time.sleep(0.8)
        assert thread.is_alive()
        gateway.stop()
        thread.join(20)
    answer, events = results[0]
    assert events[-1] == "[DONE]"
    gateway.ship()
    gateway.start()
    assert gateway.story(answer.headers["x-request-id"])["status"] == "answered"
