"""The judge of every answer in these tests finds what is wrong, and sees what any client receives."""

import json

import pytest

from tests.adapters.examples import ROLE, STOP, chunk, completion, sse
from tests.gateway.conformance import complaints
from tests.gateway.gateway import notes_in

DONE = b"[DONE]"
CALL = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RIGHT = (ROLE, chunk({"content": "Hi"}), chunk({"tool_calls": [CALL]}), STOP, DONE)


def judged(body, path="/v1/chat/completions", status=200, type="application/json", ended=True):
    text = body.decode() if isinstance(body, bytes) else json.dumps(body)
    note = {"asked": f"POST {path}", "status": status, "type": type, "body": text, "ended": ended}
    return list(complaints(note))


def streamed(*events, ended=True):
    return judged(sse(*events), type="text/event-stream; charset=utf-8", ended=ended)


def test_what_is_right_gives_no_complaint():
    assert not judged(completion()) and not streamed(*RIGHT)
    assert not judged({"error": {"message": "m", "type": "t", "param": None, "code": None}}, status=400)
    assert not streamed(*RIGHT[:2], ended=False), "a client that left has seen only a part"


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ((*RIGHT[:3], chunk({}, "eos"), DONE), "'eos' is not one of"),
        ((chunk({"role": "assistant"}, created=1.5), *RIGHT[1:]), "1.5 is not of type"),
        ((ROLE, *RIGHT), "the role comes once"),
        ((ROLE, chunk({"tool_calls": [CALL | {"index": 1}]}), STOP, DONE), "without a gap"),
        ((ROLE, chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}), STOP, DONE), "id and name"),
        ((ROLE, chunk({"content": "cut"}), DONE), "without a finish_reason"),
        (RIGHT[:-1], "ends with [DONE] or an error"),
        ((*RIGHT, DONE), "[DONE] is last"),
        ((ROLE, STOP, STOP, DONE), "one finish_reason"),
        ((ROLE, chunk({"content": "x"}, model="other"), STOP, DONE), "one id, created, model"),
        (({"error": {"message": "m"}},), "'type' is a required property"),
    ],
)
def test_a_stream_that_breaks_a_rule_is_found(events, complaint):
    (found,) = streamed(*events)
    assert complaint in found


def test_a_whole_answer_and_an_error_that_break_a_rule_are_found():
    assert "'id' is a required property" in judged({k: v for k, v in completion().items() if k != "id"})[0]
    assert (
        "'code' is a required property"
        in judged({"error": {"message": "m", "type": "t", "param": None}}, status=404)[0]
    )
    assert judged(b"<html>", status=500)


def test_every_answer_of_a_gateway_in_these_tests_is_seen(gateway):
    seen = (gateway.var / "watched.jsonl").stat().st_size if (gateway.var / "watched.jsonl").exists() else 0
    gateway.chat("Hello")
    gateway.events("Hello")
    assert gateway.chat("x", "nobody").status_code == 404
    notes = list(notes_in((gateway.var / "watched.jsonl").read_bytes()[seen:]))
    assert [(note["status"], note["ended"]) for note in notes] == [(200, True), (200, True), (404, True)]


def test_a_note_that_its_killed_worker_was_writing_is_left_out_and_those_around_it_are_read():
    note = {"asked": "POST /v1/chat/completions", "body": 'data: {"a": {}}\n\n'}
    line = f"\n{json.dumps(note)}\n".encode()
    for kept in range(1, len(line) - 2):
        assert list(notes_in(line + line[:kept] + line)) == [note, note]
