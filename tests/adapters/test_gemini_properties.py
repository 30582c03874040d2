"""However Gemini's bytes are framed and whatever its calls hold: every letter and digit arrives."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.examples import answered, chat, streamed, target, text
from tests.adapters.gemini import GEMINI, call, event, said

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@QUICK
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", ": keep alive\n\n", "id: 1\n", "event: message\n"]),
    st.lists(st.integers(0, 5000), max_size=9),
    st.booleans(),
)
def test_text_arrives_whole_however_it_is_framed(texts, end, between, places, escaped):
    events = [event(said(each)) for each in texts] + [event(reason="STOP")]
    body = "".join(f"{between}data: {json.dumps(each, ensure_ascii=escaped)}\n\n" for each in events)
    data = body.replace("\n", end).encode()
    edges = [0, *sorted({place % len(data) for place in places}), len(data)]
    pieces = [data[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    assert text(streamed(GEMINI, pieces)) == "".join(texts)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@QUICK
@given(st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), min_size=1, max_size=3), st.booleans())
def test_arguments_keep_every_digit_and_letter(calls, pretty):
    parts = [call(f"f{number}", args) for number, args in enumerate(calls)]
    body = json.dumps(event(*parts, reason="STOP"), indent=2 if pretty else None).encode()
    found = answered(GEMINI.answer(body, chat(), target("gemini")))["choices"][0]["message"]["tool_calls"]
    wanted = [json.dumps(args, separators=(",", ":")) for args in calls]
    assert [each["function"]["arguments"] for each in found] == wanted
    assert [each["function"]["name"] for each in found] == [f"f{number}" for number in range(len(calls))]


def test_numbers_are_not_computed_with():
    body = json.dumps(event(call("f", {"n": "here"}), reason="STOP")).encode()
    body = body.replace(b'"here"', b'1e2, "big": 123456789012345678901, "x":1.50')
    found = answered(GEMINI.answer(body, chat(), target("gemini")))["choices"][0]["message"]["tool_calls"]
    assert found[0]["function"]["arguments"] == '{"n":1e2,"big":123456789012345678901,"x":1.50}'
