"""Gemini counts the tokens of a chat as it would be asked."""

import json
from dataclasses import fields

import pytest

from providers.counting import CountRequest
from providers.errors import BadUpstreamResponse
from tests.adapters.examples import SECRET, chat, sent, target
from tests.adapters.gemini import GEMINI

COUNTING = GEMINI.operation("count_tokens")


def counted(**asked):
    request = chat(**asked)
    return CountRequest(**{field.name: getattr(request, field.name) for field in fields(request)})


def test_the_whole_request_is_counted():
    asked = {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}], "top_p": 0.5}
    wire = COUNTING.request(counted(**asked), target("gemini"), SECRET)
    assert wire.path == "/models/theirs:countTokens" and ("x-goog-api-key", SECRET.value) in wire.headers
    assert json.loads(wire.body) == {"generateContentRequest": {"model": "models/theirs"} | sent(GEMINI, **asked)}


def test_the_count_costs_nothing():
    answer = COUNTING.answer(b'{"totalTokens": 7}', counted(), target("gemini"))
    assert answer.data == b'{"input_tokens":7}' and answer.usage.prompt == 0


@pytest.mark.parametrize("body", [b"", b"{}", b'{"totalTokens": -1}', b'{"totalTokens": true}', b"[7]"])
def test_what_is_no_count(body):
    with pytest.raises(BadUpstreamResponse):
        COUNTING.answer(body, counted(), target("gemini"))
