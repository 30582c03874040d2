"""How much of a text is seen in an answer that did not arrive whole?"""

import json

import pytest

from providers.wire.remains import MOST_BYTES, characters_in

SAID = 'Grüße, "Welt"!\n' * 20
ANSWERS = {
    "openai": {"id": "x", "choices": [{"message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}]},
    "anthropic": {"type": "message", "content": [{"type": "text", "text": SAID}], "stop_reason": "end_turn"},
    "gemini": {"candidates": [{"content": {"parts": [{"text": SAID}], "role": "model"}}]},
    "ollama": {"model": "x", "message": {"role": "assistant", "content": SAID}, "done": True},
    "a tool call": {"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": SAID}}]}}]},
}


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("wire", ANSWERS)
def test_as_many_characters_as_came_wherever_it_was_cut(wire, escaped):
    body = json.dumps(ANSWERS[wire], ensure_ascii=escaped).encode()
    before, text, _ = body.partition(json.dumps(SAID, ensure_ascii=escaped)[1:-1].encode())
    assert characters_in([body]) == characters_in([body[:40], body[40:]]) == len(SAID)
    for arrived in (len(before), len(before) + len(text) // 3, len(before) + len(text)):
        share = len(SAID) * (arrived - len(before)) / len(text)
        assert characters_in([body[:arrived]]) == pytest.approx(share, abs=8)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><p>bad gateway</p></html>", b'{"error": {"message": "no", "type": "x"}}', b'{"data": [0.25, 1'],
)
def test_what_is_no_answer_has_no_text(body):
    assert characters_in([body]) == 0


def test_an_answer_without_end_is_looked_through_in_part():
    assert characters_in([b'{"content": "', b"a" * 40_000_000]) == MOST_BYTES - len('{"content": "')
