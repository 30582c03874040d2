"""What the OpenAI adapter sends."""

import json

import pytest

from providers.adapters import adapters
from providers.errors import InvalidRequest
from tests.adapters.examples import SECRET, chat, sent, target

OPENAI = adapters()["openai"]


def test_names_the_upstream_model_and_keeps_what_it_does_not_know():
    body = sent(OPENAI, temperature=0.2, some_new_field={"deep": [1, 2]}, max_tokens=5)
    assert body["model"] == "theirs"
    assert body["some_new_field"] == {"deep": [1, 2]}
    assert body["max_tokens"] == 5 and "max_completion_tokens" not in body


def test_messages_pass_byte_for_byte():
    request = chat()
    request.raw = (
        b'{"messages": [ {"role":"user", "content":"\\u00e9\\ud83d\\ude00  1.50"} ],"model":"auto","top_p":1.0}'
    )
    body = OPENAI.request(request, target(), None).body
    assert b'[ {"role":"user", "content":"\\u00e9\\ud83d\\ude00  1.50"} ]' in body
    assert b'"top_p":1.0' in body


def test_fields_of_the_router_stay_here():
    body = sent(OPENAI, neuroroute={"policy": "cheap"}, models=["a"], provider={"order": []})
    assert sorted(body) == ["messages", "model"]


def test_a_stream_always_asks_for_usage_and_keeps_other_stream_options():
    assert sent(OPENAI, stream=True)["stream_options"] == {"include_usage": True}
    options = {"include_usage": False, "include_obfuscation": False}
    assert sent(OPENAI, stream=True, stream_options=options)["stream_options"] == {**options, "include_usage": True}


def test_an_answer_in_one_piece_says_nothing_of_streams():
    body = sent(OPENAI, stream=False, stream_options={"include_usage": True})
    assert "stream" not in body and "stream_options" not in body


def test_presents_the_credential_and_lets_the_operator_have_the_last_word():
    to = target(headers=(("X-Title", "NeuroRoute"), ("Authorization", "Basic abc")))
    headers = OPENAI.request(chat(), to, SECRET).headers
    assert headers == (
        ("content-type", "application/json"),
        ("authorization", "Basic abc"),
        ("x-title", "NeuroRoute"),
    )
    assert ("authorization", "Bearer sk-very-secret-1234") in OPENAI.request(chat(), target(), SECRET).headers
    assert OPENAI.request(chat(), target(), None).headers == (("content-type", "application/json"),)


def test_a_request_that_is_no_object_is_refused():
    request = chat()
    request.raw = b"[1]"
    with pytest.raises(InvalidRequest):
        OPENAI.request(request, target(), None)


def test_the_body_is_json():
    assert json.loads(OPENAI.request(chat(stream=True), target(), None).body)["stream"] is True
