"""Signatures of Gemini's thinking: every client brings them back in a call's id, and no other wire ever sees one."""

import base64
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters import adapters
from providers.wire.signatures import bare, extra, opened, seal, signature_in, signed_marks, without_seals
from tests.adapters.examples import SECRET, chat, target

SIGNATURE = base64.b64encode(bytes(range(256))).decode()
QUICK = settings(max_examples=200, deadline=None, derandomize=True, database=None)


def conversation(call_id, **more):
    function = {"name": "weather", "arguments": "{}"}
    called = {"id": call_id, "type": "function", "function": function} | more
    return [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": call_id, "content": "rain"},
    ]


@QUICK
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.binary(max_size=300))
def test_an_id_gives_back_what_was_sealed_in_letters_that_every_client_takes(call_id, signature):
    for spelled in (base64.b64encode(signature).decode(), base64.urlsafe_b64encode(signature).decode(), "sig:1 é"):
        sealed = seal(call_id, spelled)
        assert re.fullmatch(r"[A-Za-z0-9_-]+", sealed) and opened(sealed) == (call_id, spelled)


@QUICK
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_ids_of_others_are_left_alone(call_id):
    for given_id in (call_id, "gts_" + call_id):
        assert opened(given_id) == (given_id, None)


def test_a_sealed_id_that_a_client_cut_is_an_id_like_any_other():
    sealed = seal("call_1", SIGNATURE)
    assert all(opened(sealed[:at]) == (sealed[:at], None) for at in range(len(sealed)))


def test_bare_ids_stand_where_sealed_ones_stood():
    raw = json.dumps({"a": seal('c"1', SIGNATURE), "b": "gts_other", "text": f'"{seal("c2", SIGNATURE)}"'}).encode()
    found = json.loads(without_seals(raw))
    assert (found["a"], found["b"]) == ('c"1', "gts_other") and without_seals(b"{}") == b"{}"


@pytest.mark.parametrize("wire", sorted(adapters().keys() - {"gemini"}))
def test_no_other_wire_sees_a_signature(wire):
    sealed = seal("call_1", SIGNATURE)
    messages = conversation(sealed, extra_content=extra(SIGNATURE))
    messages[1]["extra_content"] = extra(SIGNATURE)
    body = adapters()[wire].request(chat(messages=messages), target(wire), SECRET).body.decode()
    assert sealed not in body and SIGNATURE not in body and "extra_content" not in body
    assert body.count('"call_1"') == 2 and "weather" in body


def test_googles_openai_compatible_server_gets_its_own_signatures_back():
    google = target("openai", base_url="https://generativelanguage.googleapis.com/v1beta/openai")
    messages = conversation("call_1", extra_content=extra(SIGNATURE))
    for bound_to, to, kept in ((None, google, True), (1, target("openai"), True), (2, google, False)):
        asked = chat(messages=messages)
        asked.bound_to = bound_to
        assert (SIGNATURE in adapters()["openai"].request(asked, to, SECRET).body.decode()) is kept


def test_what_a_conversation_carries_of_a_signer():
    sealed = seal("call_1", SIGNATURE)
    said = {"role": "assistant", "content": "Hm", "extra_content": extra("c2ln")}
    plain = conversation("call_2", extra_content=extra("c2ln"))
    body = chat(messages=[*conversation(sealed), said, *plain, *conversation("call_3")]).body
    assert signed_marks(body) == (sealed, "c2ln", "call_2")
    for odd in (None, "x", {"google": 1}, {"google": {"thought_signature": ""}}):
        assert signature_in(odd) is None
    assert bare(None) == "" and bare(sealed) == "call_1"
