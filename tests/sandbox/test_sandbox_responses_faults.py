"""Every fault on the sandbox's Responses, streamed and not, as a plain client sees it."""

import json
import re

import httpx
import pytest

from providers.sandbox import lines, transfers
from providers.sandbox.faults import FAULTS
from providers.sandbox.testing import Sandbox, Step
from tests.sandbox.plain_calls import PATIENCE_S, patience

DONE = "response.completed"
BROKEN = "the connection breaks"
SILENT = "silence"
NO_EVENT = "no event"
STREAMED = {
    "429": "429 rate_limit_exceeded",
    "429-quota": "429 insufficient_quota",
    "400": "400 None",
    "401": "401 invalid_api_key",
    "403": "403 unsupported_country_region_territory",
    "404": "404 model_not_found",
    "408": "408 timeout",
    "500": "500 None",
    "502": "502 None",
    "503": "503 None",
    "504": "504 timeout",
    "529": "529 overloaded",
    "context_length": "400 context_length_exceeded",
    "content_filter": "400 content_filter",
    "content_filter_finish": "response.incomplete",
    "no_prefill": DONE,  # nothing is begun
    "html": NO_EVENT,
    "empty": NO_EVENT,
    "malformed": DONE,
    "missing_choices": DONE,
    "redirect": "302",
    "hang": SILENT,
    "reset": BROKEN,
    "slow_headers": SILENT,
    "hang_first_token": SILENT,
    "cut_before": BROKEN,
    "cut_mid": BROKEN,
    "stall_mid": SILENT,
    "slow_drip": SILENT,
    "eof_no_finish": "response.output_item.done",
    "no_done": DONE,  # Responses have no end mark besides their last event
    "done_twice": DONE,
    "error_in_stream_before": "error",
    "error_in_stream_after": "error",
    "error_in_200": "response.failed",
    "big_line": DONE,
    "json_for_stream": NO_EVENT,
    "sse_for_json": DONE,
    "wrong_model": DONE,
    "bad_usage": DONE,
    "no_usage": DONE,
    "split_utf8": DONE,
    "role_twice": DONE,
    "flaps": "503 None",
    "wrong_types": DONE,
    "slow_tokens": SILENT,
    "invalid_utf8": DONE,
    "ascii_escapes": DONE,
    "lone_surrogate": DONE,
    "usage_twice": DONE,
    "empty_deltas": DONE,
    "tool_gaps": DONE,
    "tool_id_twice": DONE,
    "odd_head": DONE,
}
FREE_OF_FORMS = (lines, transfers)  # what travels is changed, whatever it says
NAMES = [name for name, fault in FAULTS.items() if fault.edit.__module__ not in {m.__name__ for m in FREE_OF_FORMS}]
WHOLE = {"content_filter_finish": "incomplete", "error_in_200": "failed", "sse_for_json": NO_EVENT}
NO_JSON = ("html", "empty", "malformed", "invalid_utf8")
OPTIONS = {
    "slow_headers": {"seconds": 30.0},
    "slow_drip": {"seconds": 10.0},
    "slow_tokens": {"seconds": 10.0},
    "big_line": {"size": 200_000},
    "flaps": {"seconds": 1e9},
}


def asked(sandbox: Sandbox, *, stream: bool, timeout: float = PATIENCE_S) -> httpx.Response:
    body = {"model": "sandbox-mini", "input": "What is the capital of France?", "stream": stream}
    return httpx.post(f"{sandbox.base_url}/responses", json=body, timeout=timeout)


def events_of(answer: httpx.Response) -> list[dict]:
    """The JSON of each event that is JSON."""
    return [json.loads(data) for data in re.findall(r"^data: (\{.*\})\r?$", answer.text, re.MULTILINE)]


def outcome(sandbox: Sandbox, name: str, *, stream: bool) -> str:
    """How a call with a fault ends: an error's status and code, the last event's type, or a response's status."""
    try:
        answer = asked(with_fault(sandbox, name), stream=stream, timeout=patience(name, stream=stream))
    except httpx.TimeoutException:
        return SILENT
    except httpx.TransportError:
        return BROKEN
    if answer.status_code >= 400:
        return f"{answer.status_code} {answer.json()['error']['code']}"
    if answer.status_code != 200:
        return str(answer.status_code)
    if stream:
        return next((event["type"] for event in reversed(events_of(answer))), NO_EVENT)
    try:
        return answer.json()["status"]
    except ValueError:
        return NO_EVENT


def with_fault(sandbox: Sandbox, name: str) -> Sandbox:
    sandbox.script(Step(fault=name, **OPTIONS.get(name, {})))
    return sandbox


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_ends_as_the_fault_says(openai_sandbox, name):
    assert outcome(openai_sandbox, name, stream=True) == STREAMED[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_json_answer_ends_as_the_fault_says(openai_sandbox, name):
    streamed = STREAMED[name]
    same = streamed in (SILENT, BROKEN) or streamed[0].isdigit()
    ends = WHOLE.get(name) or (streamed if same else NO_EVENT if name in NO_JSON else "completed")
    assert outcome(openai_sandbox, name, stream=False) == ("completed" if FAULTS[name].only_stream else ends)


def test_what_a_fault_takes_away_is_gone(openai_sandbox):
    healthy = events_of(asked(openai_sandbox, stream=True))
    hollow = events_of(asked(with_fault(openai_sandbox, "missing_choices"), stream=True))
    deltas = [sum("delta" in event for event in events) for events in (healthy, hollow)]
    assert deltas[1] == deltas[0] - 1
    assert "output" not in asked(with_fault(openai_sandbox, "missing_choices"), stream=False).json()
    assert "usage" in healthy[-1]["response"]
    assert "usage" not in events_of(asked(with_fault(openai_sandbox, "no_usage"), stream=True))[-1]["response"]


def test_what_a_fault_adds_is_there(openai_sandbox):
    absurd = events_of(asked(with_fault(openai_sandbox, "bad_usage"), stream=True))[-1]["response"]["usage"]
    assert absurd["input_tokens"] == 10**15 and absurd["output_tokens"] < 0
    named = events_of(asked(with_fault(openai_sandbox, "wrong_model"), stream=True))
    assert {event["response"]["model"] for event in named if "response" in event} == {"somebody-else-7b"}
    opened = [event["type"] for event in events_of(asked(with_fault(openai_sandbox, "role_twice"), stream=True))]
    assert opened.count("response.created") == 2
    assert b"\r\n" in asked(with_fault(openai_sandbox, "crlf"), stream=True).content
    assert b"\n: sandbox\n" in asked(with_fault(openai_sandbox, "comments"), stream=True).content
