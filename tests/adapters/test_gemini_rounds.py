"""A tool loop with Gemini, answer and next question: what it signed comes back to it, as it was, and to nobody else."""

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters import adapters
from providers.wire.gemini_contents import MINTED, UNSIGNED
from tests.adapters.examples import SECRET, answered, chat, payloads, sse, streamed, target
from tests.adapters.gemini import GEMINI, call, event, said

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
ARGUMENTS = st.dictionaries(TEXTS, st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS)
SIGNATURES = st.none() | st.binary(min_size=1, max_size=60).map(lambda raw: base64.b64encode(raw).decode())
NEWEST = target("gemini", upstream_model="gemini-3-pro-preview")
OLDER = target("gemini", upstream_model="gemini-2.5-flash", id=2)
Q = {"role": "user", "content": "Weather?"}


def whole(*parts):
    """The message that a client gets of a whole answer."""
    body = json.dumps(event(*parts, reason="STOP")).encode()
    return answered(GEMINI.answer(body, chat(), target("gemini")))["choices"][0]["message"]


def of_stream(*parts):
    """The message that a client puts together of a stream with an event per part."""
    message = {"role": "assistant", "content": "", "tool_calls": []}
    for payload in payloads(streamed(GEMINI, [sse(*map(event, parts), event(reason="STOP"))])):
        for choice in payload["choices"]:
            delta = choice["delta"]
            message["content"] += delta.get("content") or ""
            message["tool_calls"] += delta.get("tool_calls") or []
            message |= {"extra_content": delta["extra_content"]} if "extra_content" in delta else {}
    return message


def next_round(message, to=NEWEST, bound_to=None, keep_extras=True):
    """What Gemini receives when the client comes back with the results."""
    calls = [call if keep_extras else {k: v for k, v in call.items() if k != "extra_content"}
             for call in message["tool_calls"]]  # fmt: skip
    results = [{"role": "tool", "tool_call_id": each["id"], "content": "ok"} for each in calls]
    asked = chat(messages=[Q, message | {"tool_calls": calls}, *results])
    asked.bound_to = bound_to
    turns = json.loads(GEMINI.request(asked, to, SECRET).body)["contents"]
    assert [turn["role"] for turn in turns] == ["user", "model", "user"]
    return turns[1]["parts"], [part["functionResponse"] for part in turns[2]["parts"]]


@QUICK
@given(
    st.lists(
        st.tuples(TEXTS, ARGUMENTS, st.none() | TEXTS, SIGNATURES), min_size=1, max_size=4, unique_by=lambda c: c[2]
    ),
    st.booleans(),
    st.booleans(),
)
def test_calls_come_back_byte_for_byte(calls, streaming, keep_extras):
    parts = [call(name, args, signature, **({"id": own} if own else {})) for name, args, own, signature in calls]
    message = (of_stream if streaming else whole)(*parts)
    sent, results = next_round(message, OLDER, keep_extras=keep_extras)
    assert json.dumps(sent) == json.dumps([ordered(part) for part in parts])
    assert [(result["name"], result.get("id")) for result in results] == [(name, own) for name, _, own, _ in calls]


def ordered(part):
    """The part with its fields in the order in which we write them."""
    made = part["functionCall"]
    own = {"id": made["id"]} if "id" in made else {}
    return part | {"functionCall": own | {"name": made["name"], "args": made["args"]}}


def test_calls_without_an_id_stay_without_one():
    message = whole(call("f"), call("g", {}, "c2ln"))
    assert message["tool_calls"][0]["id"].startswith(MINTED)
    sent, results = next_round(message, OLDER)
    assert sent == [call("f"), call("g", {}, "c2ln")] and "id" not in results[0]


def test_a_text_keeps_its_signature():
    for make in (whole, of_stream):
        message = make(said("Let me see", thoughtSignature="c2ln"), call("f"))
        assert next_round(message, OLDER)[0][0] == {"text": "Let me see", "thoughtSignature": "c2ln"}
    message = whole(said("", thoughtSignature="c2ln")) | {"tool_calls": [{"id": "x", "type": "function",
                                                          "function": {"name": "f", "arguments": "{}"}}]}  # fmt: skip
    assert next_round(message, OLDER)[0][0] == {"text": "", "thoughtSignature": "c2ln"}


def test_a_signature_goes_to_its_maker_alone_and_others_hear_that_there_is_none():
    message = whole(said("A", thoughtSignature="dGV4dA=="), call("f", {}, "c2ln", id="a"), call("g", {}, id="b"))
    assert "c2ln" in json.dumps(next_round(message, bound_to=NEWEST.id)[0])
    text, first, second = next_round(message, bound_to=7)[0]
    assert (
        "thoughtSignature" not in text and first["thoughtSignature"] == UNSIGNED and first["functionCall"]["id"] == "a"
    )
    assert "thoughtSignature" not in second  # of parallel calls the first is signed
    assert not any("thoughtSignature" in part for part in next_round(message, OLDER, bound_to=7)[0])


def test_calls_of_another_vendor_come_without_a_signature_but_for_the_newest_models():
    made = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [made]}
    for to, signature in ((NEWEST, UNSIGNED), (OLDER, None), (target("gemini"), None)):
        (part,) = next_round(message, to)[0]
        assert part.get("thoughtSignature") == signature and part["functionCall"]["id"] == "call_1"


def test_another_wire_can_take_the_conversation_over():
    message = whole(call("f", {"a": 1}, "c2ln", id="fc_1"))
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "ok"}
    for wire in sorted(adapters().keys() - {"gemini"}):
        body = adapters()[wire].request(chat(messages=[Q, message, result]), target(wire), SECRET).body.decode()
        assert body.count('"fc_1"') == 2 and "c2ln" not in body and "gts_" not in body
