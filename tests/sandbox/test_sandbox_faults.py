"""Every fault, on every wire, streamed and not, as its bytes arrive at a socket."""

import http.client
import json
import re
from pathlib import Path

import msgspec
import pytest

from providers.sandbox.faults import FAULTS
from providers.sandbox.testing import Sandbox, Step, fault
from tests.sandbox.plain_calls import ANSWER_KEYS, MODELS, call, finish_of, said, with_fault

WIRES = tuple(MODELS)
REFUSALS = {
    "429": 429,
    "400": 400,
    "401": 401,
    "403": 403,
    "404": 404,
    "408": 408,
    "500": 500,
    "502": 502,
    "503": 503,
    "504": 504,
    "529": 529,
    "context_length": 400,
    "content_filter": 400,
}
GEMINI_REFUSALS = {"401": 400, "408": 504, "529": 503}


@pytest.fixture(params=WIRES)
def sandbox(request, sandbox_of) -> Sandbox:
    return sandbox_of(request.param)


@pytest.fixture(params=[False, True], ids=["json", "stream"])
def stream(request) -> bool:
    return request.param


def test_is_healthy_when_asked_for_nothing(sandbox, stream):
    seen = call(sandbox, stream=stream)
    assert (seen.status, seen.error) == (200, None)
    assert b"Paris" in seen.body


@pytest.mark.parametrize(("name", "status"), REFUSALS.items())
def test_refusals_have_the_status_and_the_error_of_the_wire(sandbox, stream, name, status):
    seen = with_fault(sandbox, name, stream=stream)
    if sandbox.wire == "gemini":
        status = GEMINI_REFUSALS.get(name, status)
    if (sandbox.wire, name) == ("gemini", "content_filter"):
        assert seen.status == 200 and b"blockReason" in seen.body and b'"candidates"' not in seen.body
    else:
        assert seen.status == status and "error" in json.loads(seen.body)


@pytest.mark.parametrize("name", ["429", "503"])
@pytest.mark.parametrize("value", ["2", "0.5", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "1000000000"])
def test_rows_7_and_8_retry_after_is_sent_as_it_stands(openai_sandbox, name, value):
    assert with_fault(openai_sandbox, name, stream=False, retry_after=value).headers["retry-after"] == value


def test_row_9_an_empty_account_is_told_from_a_rate_limit(sandbox):
    seen = with_fault(sandbox, "429-quota", stream=False)
    assert seen.status == (402 if sandbox.wire == "anthropic" else 429)
    assert seen.body != with_fault(sandbox, "429", stream=False).body


def test_row_13_html_or_nothing_with_200(sandbox, stream):
    page = with_fault(sandbox, "html", stream=stream)
    assert (page.status, page.headers["content-type"]) == (200, "text/html") and page.body.startswith(b"<!DOCTYPE")
    assert with_fault(sandbox, "empty", stream=stream).body == b""


def test_row_14_malformed_json(sandbox, stream):
    seen = with_fault(sandbox, "malformed", stream=stream)
    if stream:
        assert len(seen.events) < len(call(sandbox, stream=True).events)
    else:
        with pytest.raises(json.JSONDecodeError):
            json.loads(seen.body)


def test_row_14_no_answer_in_the_answer(sandbox):
    key = ANSWER_KEYS[sandbox.wire]
    assert key in json.loads(call(sandbox, stream=False).body)
    assert key not in json.loads(with_fault(sandbox, "missing_choices", stream=False).body)


def test_row_14_no_answer_in_an_event(sandbox):
    healthy = call(sandbox, stream=True)
    hollow = with_fault(sandbox, "missing_choices", stream=True, after=1)
    assert len(hollow.events) == len(healthy.events)
    assert len(said(hollow)) < len(said(healthy))


def test_row_33_redirects(sandbox, stream):
    seen = with_fault(sandbox, "redirect", stream=stream)
    assert seen.status == 302 and seen.headers["location"]


def test_row_5_hangs_before_the_headers(sandbox, stream):
    seen = with_fault(sandbox, "hang", stream=stream)
    assert (seen.status, seen.error) == (None, TimeoutError)
    assert [(c.status, c.left_early) for c in sandbox.calls(ended=True)] == [(None, True)]


def test_row_5_slow_headers(sandbox, stream):
    assert with_fault(sandbox, "slow_headers", stream=stream, seconds=0.05).status == 200
    assert with_fault(sandbox, "slow_headers", stream=stream, seconds=30).error is TimeoutError


def test_row_2_resets_before_the_headers(sandbox, stream):
    assert with_fault(sandbox, "reset", stream=stream).error is ConnectionResetError


def test_row_6_hangs_before_the_first_token(sandbox, stream):
    seen = with_fault(sandbox, "hang_first_token", stream=stream)
    assert (seen.status, seen.body, seen.error) == (200, b"", TimeoutError)


def test_row_17_cuts_before_the_first_token(sandbox, stream):
    seen = with_fault(sandbox, "cut_before", stream=stream)
    assert (seen.status, seen.body, seen.error) == (200, b"", http.client.IncompleteRead)


def test_row_18_cuts_midway(sandbox, stream):
    healthy = call(sandbox, stream=stream)
    seen = with_fault(sandbox, "cut_mid", stream=stream)
    assert seen.error is http.client.IncompleteRead
    assert 0 < len(seen.body) < len(healthy.body)


def test_row_18_cuts_where_it_is_told_to(sandbox):
    sandbox.script(Step(fault="cut_mid", pieces=("one ", "two ", "three ", "four"), after=3))
    assert said(call(sandbox, stream=True)) == "one two three "


def test_row_22_stalls_midway(sandbox, stream):
    seen = with_fault(sandbox, "stall_mid", stream=stream)
    assert seen.error is TimeoutError and seen.body
    assert sandbox.calls(ended=True)[-1].left_early


def test_row_22_drips_byte_by_byte(sandbox, stream):
    seen = with_fault(sandbox, "slow_drip", stream=stream, seconds=10)
    assert (len(seen.body), seen.error) == (0, TimeoutError)
    sandbox.script(Step(fault="slow_drip", text="hi", seconds=0.0))
    assert b"hi" in call(sandbox, stream=stream).body


def test_row_19_ends_without_a_finish_reason(sandbox):
    seen = with_fault(sandbox, "eof_no_finish", stream=True)
    assert seen.error is None and "Paris" in said(seen)
    assert finish_of(seen) == [] and b"[DONE]" not in seen.body


def test_row_25_ends_without_the_end_mark(sandbox):
    seen = with_fault(sandbox, "no_done", stream=True)
    assert len(finish_of(seen)) == 1
    assert b"[DONE]" not in seen.body and b"message_stop" not in seen.body


def test_row_25_goes_on_after_the_end(sandbox):
    healthy, seen = call(sandbox, stream=True), with_fault(sandbox, "done_twice", stream=True)
    assert len(seen.events) > len(healthy.events)
    assert finish_of(seen) != [] and said(seen) != said(healthy)


def test_row_20_fails_inside_the_stream_before_content(sandbox):
    seen = with_fault(sandbox, "error_in_stream_before", stream=True)
    assert (seen.status, said(seen), seen.error) == (200, "", None)
    assert "error" in seen.events[-1] and finish_of(seen) == []


def test_row_21_fails_inside_the_stream_after_content(sandbox):
    seen = with_fault(sandbox, "error_in_stream_after", stream=True)
    assert said(seen).startswith("Sandbox text") and "error" in seen.events[-1]


def test_row_21_a_success_tells_of_a_failure(sandbox, stream):
    seen = with_fault(sandbox, "error_in_200", stream=stream)
    assert seen.status == 200 and "error" in (seen.events[-1] if stream else json.loads(seen.body))


def test_row_23_sends_a_giant_line(sandbox, stream):
    seen = with_fault(sandbox, "big_line", stream=stream, size=200_000)
    assert max(len(line) for line in seen.body.split(b"\n")) > 200_000


def test_row_28_answers_json_to_a_stream(sandbox):
    seen = with_fault(sandbox, "json_for_stream", stream=True)
    assert seen.headers["content-type"] == "application/json"
    assert ANSWER_KEYS[sandbox.wire] in json.loads(seen.body)


def test_row_28_streams_unasked(sandbox):
    seen = with_fault(sandbox, "sse_for_json", stream=False)
    assert "Paris" in said(seen) and len(finish_of(seen)) == 1


def test_row_35_names_another_model(sandbox, stream):
    assert b"somebody-else-7b" in with_fault(sandbox, "wrong_model", stream=stream).body


def test_row_27_absurd_and_absent_usage(sandbox, stream):
    counts = rb'"(?:prompt_tokens|input_tokens|prompt_eval_count|promptTokenCount)":(\d+)'
    sandbox.script(fault("bad_usage"), fault("no_usage"))
    absurd, absent = call(sandbox, stream=stream), call(sandbox, stream=stream)
    assert re.findall(counts, absurd.body)[-1] == b"1000000000000000"
    assert not re.findall(counts, absent.body)


def test_row_26_crlf_and_comments(sandbox):
    assert b"\r\n" in with_fault(sandbox, "crlf", stream=True).body
    healthy, seen = call(sandbox, stream=True), with_fault(sandbox, "comments", stream=True)
    assert len(seen.body) > len(healthy.body) and len(seen.events) == len(healthy.events)


def test_row_24_splits_every_character(sandbox, stream):
    sandbox.script(Step(text="Zoë 👩‍👩‍👧", fault="split_utf8"))
    seen = call(sandbox, stream=stream)
    assert said(seen) == "Zoë 👩‍👩‍👧" if stream else "👩‍👩‍👧".encode() in seen.body
    assert sandbox.calls(ended=True)[-1].chunks == len(seen.body)


def test_row_29_opens_twice(sandbox):
    starts = {"openai": b'"role":"assistant"', "anthropic": b"event: message_start"}
    seen, healthy = with_fault(sandbox, "role_twice", stream=True), call(sandbox, stream=True)
    if sandbox.wire in starts:
        assert seen.body.count(starts[sandbox.wire]) == 2
    else:  # nothing opens a stream there
        assert len(seen.events) == len(healthy.events)


def test_filters_the_content_at_the_end(openai_sandbox, stream):
    seen = with_fault(openai_sandbox, "content_filter_finish", stream=stream)
    assert b'"finish_reason":"content_filter"' in seen.body


def test_ends_for_a_reason_that_nobody_knows(sandbox, stream):
    sandbox.script(Step(text="So far", finish_as="eos"))
    assert b'"eos"' in call(sandbox, stream=stream).body


def test_a_fault_that_only_a_begun_answer_meets_leaves_others_alone(sandbox, stream):
    assert b"Paris" in with_fault(sandbox, "no_prefill", stream=stream).body


def test_every_fault_is_tested():
    texts = [(Path(__file__).parent / name).read_text() for name in (Path(__file__).name, "test_sandbox_transfers.py")]
    assert set(FAULTS) <= set(re.findall(r'"([\w-]+)"', "".join(texts)))


def test_faults_of_streams_leave_json_answers_alone(sandbox):
    for name in [name for name, row in FAULTS.items() if row.only_stream]:
        assert b"Paris" in with_fault(sandbox, name, stream=False).body


def test_scripted_bytes_are_sent_exactly(sandbox, stream):
    sandbox.script(Step(status=418, headers={"X-Odd": "yes"}, body="\ufeff{not json"))
    seen = call(sandbox, stream=stream)
    assert (seen.status, seen.headers["x-odd"], seen.body) == (418, "yes", b"\xef\xbb\xbf{not json")
    sandbox.script(Step(raw=b"data: \xff\x00\n\n", headers={"content-type": "text/event-stream"}))
    seen = call(sandbox, stream=stream)
    assert (seen.headers["content-type"], seen.body) == ("text/event-stream", b"data: \xff\x00\n\n")


def test_tool_arguments_may_be_invalid_json(openai_sandbox):
    openai_sandbox.script(msgspec.convert({"tool_calls": [{"name": "add", "arguments": '{"a": 1'}]}, Step))
    body = json.loads(call(openai_sandbox, stream=False).body)
    assert body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": 1'
