"""How long a caller waits: one deadline for all attempts, rate limits waited out, comments in a stream that is late."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from providers.sandbox.testing import Sandbox, fault, rate_limited
from tests.faults.matrix import WAYS, cells

from .conftest import two_providers
from .gateway import Gateway, parse_events, text_of


@pytest.fixture(scope="module")
def waiting(migrated, tmp_path_factory, primary_process: Sandbox, fallback_process: Sandbox) -> Iterator[Gateway]:
    env = {"STREAM_HEADERS_AFTER_S": "1", "KEEP_ALIVE_S": "1"}
    configuration = two_providers(primary_process, fallback_process)
    for one in configuration["providers"]:
        one["deployments"][0]["timeouts"] |= {"first_byte": 3, "first_token": 3}
    gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("waiting"), env)
    gateway.apply(configuration)
    yield gateway.start()
    gateway.stop()


@pytest.fixture(autouse=True)
def rested(waiting: Gateway, primary: Sandbox, fallback: Sandbox) -> Iterator[None]:
    yield
    if any(call.fault for sandbox in (primary, fallback) for call in sandbox.calls(chats=True)):
        waiting.rest()


@pytest.mark.parametrize("stream", [False, True])
def test_a_deadline_is_divided_so_that_the_next_has_time_to_answer(waiting, primary, fallback, stream):
    primary.script(fault("hang"))
    answer = waiting.chat("Hello", "demo", stream=stream, neuroroute={"deadline_ms": 1500})
    assert answer.status_code == 200 and answer.headers["x-neuroroute-provider"] == "fallback"
    first = waiting.story(answer.headers["x-request-id"])["attempts"][0]
    assert first["error"] == "DeadlineReached" and 500 < first["ended_ms"] < 1400


@pytest.mark.parametrize("stream", [False, True])
def test_a_deadline_ends_the_request(waiting, primary, stream):
    primary.script(*[fault("hang")] * 3)
    answer = waiting.chat("Hello", "primary/demo", stream=stream, neuroroute={"deadline_ms": 500})
    assert answer.status_code == 504 and answer.elapsed.total_seconds() < 2.5
    assert answer.json()["error"]["code"] == "upstream_timeout"


@pytest.mark.parametrize("stream", [False, True])
def test_who_is_in_a_hurry_keeps_nobody_else_from_a_deployment(waiting, primary, fallback, stream):
    """Ten answers that would have come in time for anybody: no breaker opens."""
    primary.script(*[fault("slow_headers", seconds=0.5)] * 10)
    hurried = [waiting.chat("Hello", "primary/demo", stream=stream, neuroroute={"deadline_ms": 20}) for _ in range(10)]
    assert {answer.status_code for answer in hurried} == {504}
    primary.reset()
    usual = [waiting.chat("Hello", "demo") for _ in range(5)]
    assert {answer.headers["x-neuroroute-provider"] for answer in usual} == {"primary"}
    story = waiting.story(hurried[0].headers["x-request-id"])
    assert [attempt["error"] for attempt in story["attempts"]] == ["DeadlineReached"]


def test_a_deadline_out_of_bounds_is_refused_by_name(waiting):
    answer = waiting.chat("Hello", "demo", neuroroute={"deadline_ms": 0})
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "neuroroute.deadline_ms"


@pytest.mark.parametrize("stream", [False, True])
def test_a_short_rate_limit_of_the_only_deployment_is_waited_out(waiting, primary, stream):
    primary.script(rate_limited(retry_after=1), "After the pause")
    answer = waiting.chat("Hello", "primary/demo", stream=stream)
    assert answer.status_code == 200 and "pause" in answer.text
    first, second = primary.calls(chats=True)
    assert second.started_at - first.ended_at >= 0.99


def test_who_comes_while_the_only_deployment_is_limited_is_told_when_to_come_back(waiting, primary):
    primary.script(rate_limited(retry_after=30))
    answers = [waiting.chat("Hello", "primary/demo") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert all(20 < int(answer.headers["retry-after"]) <= 30 for answer in answers)
    assert len(primary.calls(chats=True)) == 1


def test_who_comes_while_a_short_rate_limit_lasts_waits_for_its_end(waiting, primary):
    primary.script(rate_limited(retry_after=7))
    assert waiting.chat("Hello", "primary/demo").status_code == 429
    time.sleep(3)
    assert waiting.chat("Hello", "primary/demo").status_code == 200
    first, second = primary.calls(chats=True)
    assert second.started_at - first.ended_at >= 6.99


@pytest.fixture(scope="module")
def late(waiting, primary_process, fallback_process):
    """Four callers at once of a primary that sends headers and then nothing: what they get, piece by piece."""
    primary_process.reset()
    fallback_process.reset()
    primary_process.script(fault("hang_first_token"), lasting=True)
    fallback_process.script("From the fallback", lasting=True)
    url = f"{waiting.url}/v1/chat/completions"

    def ask(way):
        stream, spare = way
        messages = [{"role": "user", "content": "Hello"}]
        body = {"model": "demo" if spare else "primary/demo", "stream": stream, "messages": messages}
        with httpx.stream("POST", url, json=body, headers=waiting.headers, timeout=30) as answer:
            headed_at = time.monotonic()
            answer.read()
        return answer, time.monotonic() - headed_at

    with ThreadPoolExecutor(len(WAYS)) as pool:
        found = dict(zip(WAYS, pool.map(ask, WAYS), strict=True))
    primary_process.reset()
    waiting.rest()
    return found


@cells(6, "comments")
def test_a_late_stream_keeps_its_client_by_comments_behind_its_headers(late, waiting, stream, spare):
    answer, after_headers_s = late[stream, spare]
    comments = answer.text.count(": keep-alive")
    if not stream:
        assert comments == 0 and answer.status_code == (200 if spare else 504)
        return
    assert re.match(r"(: keep-alive\n\n){2,}data: ", answer.text)
    assert answer.text.startswith(": keep-alive\n\n" * comments), "no comment comes after the first event"
    assert after_headers_s > 0.5, "the headers were out before the answer was there"
    assert answer.status_code == 200 and "x-neuroroute-provider" not in answer.headers
    events = list(parse_events(answer.text.splitlines()))
    story = waiting.story(answer.headers["x-request-id"])
    if spare:
        assert text_of(events) == "From the fallback" and events[-1] == "[DONE]"
        assert story["provider"] == "fallback"
    else:
        assert events[-1]["error"]["code"] == "upstream_timeout" and "[DONE]" not in events


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_late_stream_that_nobody_answers_ends_in_an_error_of_its_own_form(waiting, primary, fallback, path):
    for sandbox in (primary, fallback):
        sandbox.script(*[fault("hang_first_token")] * 2)
    asked = {"model": "primary/demo", "stream": True, "max_tokens": 9, "input": "Hello"}
    body = asked | {"messages": [{"role": "user", "content": "Hello"}]}
    answer = httpx.post(waiting.url + path, json=body, headers=waiting.headers, timeout=30)
    assert answer.status_code == 200 and answer.text.startswith(": keep-alive")
    assert "[DONE]" not in answer.text and '"error"' in answer.text
