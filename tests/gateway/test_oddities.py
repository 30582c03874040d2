"""What upstreams get wrong, put right or passed on, through the whole gateway: each oddity by its name."""

import json

import pytest

from providers.sandbox.testing import Step
from tests.adapters.examples import ROLE, STOP, USAGE, chunk, completion, sse

from .gateway import text_of

DONE = b"[DONE]"
HI = chunk({"content": "Hi"})
STREAM = {"content-type": "text/event-stream"}
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def call(index, arguments="{}", id="a", name="f"):
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return {"index": index, "function": function} | ({"id": id, "type": "function"} if id else {})


def asked(gateway, primary, answer, *events):
    """The chunks that the client gets for `events`, or the whole `answer` where there are none."""
    if events:
        primary.script(Step(raw=sse(*events), headers=STREAM))
        _, seen = gateway.events("Hello")
        assert seen[-1] == "[DONE]", seen
        return seen[:-1]
    primary.script(Step(body=json.dumps(answer)))
    response = gateway.chat("Hello")
    assert response.status_code == 200, response.text
    return response.json()


@BOTH
def test_a_wrong_models_name_is_ours_to_the_client_and_theirs_in_the_record(gateway, primary, stream):
    events = (ROLE, HI, STOP, USAGE, DONE) if stream else ()
    seen = asked(gateway, primary, completion(model="somebody-else"), *events)
    assert {chunk["model"] for chunk in seen} == {"demo"} if stream else seen["model"] == "demo"


@BOTH
def test_a_missing_id_is_minted_once_for_the_whole_answer(gateway, primary, stream):
    bare = [{k: v for k, v in event.items() if k != "id"} for event in (ROLE, HI, STOP)]
    answer = {k: v for k, v in completion().items() if k != "id"}
    seen = asked(gateway, primary, answer, *((*bare, DONE) if stream else ()))
    ids = {chunk["id"] for chunk in seen} if stream else {seen["id"]}
    assert len(ids) == 1 and all(isinstance(id, str) and id for id in ids)


@BOTH
def test_a_created_with_a_fraction_becomes_whole_seconds(gateway, primary, stream):
    events = [event | {"created": 1700000000.5} for event in (ROLE, HI, STOP)]
    seen = asked(gateway, primary, completion(created=1700000000.5), *((*events, DONE) if stream else ()))
    created = {chunk["created"] for chunk in seen} if stream else {seen["created"]}
    assert created == {1700000000} and all(isinstance(seconds, int) for seconds in created)


@BOTH
@pytest.mark.parametrize(("theirs", "ours"), [("eos", "stop"), ("max_tokens", "length"), ("SAFETY", "content_filter")])
def test_a_finish_reason_outside_the_enum_is_mapped_into_it(gateway, primary, stream, theirs, ours):
    events = (ROLE, HI, chunk({}, theirs), DONE) if stream else ()
    seen = asked(gateway, primary, completion(finish=theirs), *events)
    choices = [choice for chunk in seen for choice in chunk["choices"]] if stream else seen["choices"]
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == [ours]


@pytest.mark.parametrize("again", [{"role": "assistant", "content": "Hi"}, {"content": "Hi", "role": "assistant"}])
def test_a_role_that_comes_twice_comes_once(gateway, primary, again):
    last = chunk({"role": "assistant"}, "stop")
    seen = asked(gateway, primary, None, ROLE, ROLE, chunk(again), last, DONE)
    assert sum("role" in choice["delta"] for chunk in seen for choice in chunk["choices"]) == 1
    assert text_of(seen) == "Hi"


@pytest.mark.parametrize(
    "calls",
    [
        [call(1), call(4, id="b")],  # a gap
        [call(0), call(0, id="b")],  # everything at 0
        [call(0), call(0, "", id=None, name=None), call(7, id="b")],
    ],
    ids=["a gap", "all at 0", "a gap behind a piece"],
)
def test_tool_calls_with_a_gap_in_their_numbers_are_numbered_anew(gateway, primary, calls):
    events = [chunk({"tool_calls": [piece]}) for piece in calls]
    seen = asked(gateway, primary, None, ROLE, *events, chunk({}, "tool_calls"), DONE)
    pieces = [p for chunk in seen for c in chunk["choices"] for p in c["delta"].get("tool_calls") or ()]
    assert [(p["index"], p["id"]) for p in pieces if p.get("id")] == [(0, "a"), (1, "b")]


@BOTH
def test_arguments_that_are_no_json_pass_as_they_are(gateway, primary, stream):
    """They are the model's words, cut by the limit perhaps: who mends them changes what was said."""
    broken = '{"city": "Kö'
    called = {k: v for k, v in call(0, broken).items() if k != "index"}
    answer = completion({"content": None, "tool_calls": [called]}, "length")
    events = (ROLE, chunk({"tool_calls": [call(0, broken)]}), chunk({}, "length"), DONE) if stream else ()
    seen = asked(gateway, primary, answer, *events)
    choices = [choice for chunk in seen for choice in chunk["choices"]] if stream else seen["choices"]
    said = [choice["delta" if stream else "message"].get("tool_calls") or [] for choice in choices]
    assert "".join(piece["function"]["arguments"] for pieces in said for piece in pieces) == broken
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["length"]
