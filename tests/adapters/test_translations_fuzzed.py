"""Whatever is said, on whatever wire, in whatever pieces: text, names, ids, order, arguments arrive byte for byte."""

import json
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters import adapters
from providers.sandbox.wires import wire_names
from tests.adapters.examples import answered, chat, finish, payloads, reasoning, streamed, target, text, tool_calls
from tests.adapters.stories import (
    conversations,
    disturbed,
    read_by_upstream,
    replies,
    streamed_by_upstream,
    whole_by_upstream,
    written,
)

EXAMPLES, DISTURBANCES, STREAMS = 150, 24, 10_000
QUICK = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
WITHOUT_IDS = {"ollama"}  # wires that know a tool call by its name or place only
PLAYED = sorted(adapters().keys() & set(wire_names()))
EVERY = pytest.mark.parametrize("wire", PLAYED)
tried: Counter[str] = Counter()


def seen(chunks):
    """What a client receives, but for what was minted on the way."""

    def scrubbed(value):
        if isinstance(value, dict):
            return {name: scrubbed(held) for name, held in value.items() if name not in ("id", "created")}
        return [scrubbed(held) for held in value] if isinstance(value, list) else value

    return [scrubbed(payload) for payload in payloads(chunks)]


@EVERY
@QUICK
@given(replies(), st.integers(0, 2**32))
def test_a_stream_says_what_the_upstream_said_however_it_is_cut(wire, said, seed):
    reply, usage = said
    body, chance = streamed_by_upstream(wire, reply, usage), Random(seed)
    chunks = streamed(adapters()[wire], [body])
    assert (text(chunks), reasoning(chunks)) == (reply.text, "".join(reply.thoughts))
    calls = [(name, arguments) for _, name, arguments in tool_calls(chunks)]
    assert calls == [(use.name, written(use.arguments)) for use in reply.tool_uses]
    assert finish(chunks) == reply.finish
    counted = chunks[-1].event.usage.tokens()
    assert (counted.prompt, counted.completion) == (usage.prompt, usage.completion)
    whole = seen(chunks)
    for _ in range(DISTURBANCES):
        assert seen(streamed(adapters()[wire], disturbed(wire, body, chance))) == whole
        tried[wire] += 1


def test_ten_thousand_streams_were_disturbed():
    if set(tried) != set(PLAYED):
        pytest.skip("only a run of this whole file knows how many streams there were")
    assert sum(tried.values()) >= STREAMS


@EVERY
@QUICK
@given(replies())
def test_a_whole_answer_says_what_the_upstream_said(wire, said):
    reply, usage = said
    answer = adapters()[wire].answer(whole_by_upstream(wire, reply, usage), chat(), target(wire))
    message = answered(answer)["choices"][0]["message"]
    assert (message["content"] or "", message.get("reasoning_content") or "") == (reply.text, "".join(reply.thoughts))
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or ()]
    assert calls == [(use.name, written(use.arguments)) for use in reply.tool_uses]
    assert answer.usage and (answer.usage.prompt, answer.usage.completion) == (usage.prompt, usage.completion)


@EVERY
@QUICK
@given(replies())
def test_a_calls_id_comes_back_to_the_upstream_as_it_was(wire, said):
    """Through the client and back: what the upstream calls its tool call is what our caller's result answers."""
    reply, usage = said
    calls = tool_calls(streamed(adapters()[wire], [streamed_by_upstream(wire, reply, usage)]))
    ids = [id for id, _, _ in calls]
    assert len(set(ids)) == len(ids) == len(reply.tool_uses) and all(ids)
    asked = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in calls]
    turn = {"role": "assistant", "content": None} | ({"tool_calls": asked} if asked else {"content": "x"})
    results = [{"role": "tool", "tool_call_id": id, "content": f"r{at}"} for at, id in enumerate(ids)]
    prompt = read_by_upstream(wire, chat(messages=[{"role": "user", "content": "?"}, turn, *results]))
    answered_to = [turn.answers_to for turn in prompt.turns if turn.role == "tool"]
    known = [use.name if wire in WITHOUT_IDS else use.id for use in reply.tool_uses]
    assert answered_to == known


@EVERY
@QUICK
@given(conversations())
def test_a_conversation_reaches_the_upstream_as_it_was_said(wire, messages):
    prompt = read_by_upstream(wire, chat(messages=messages))
    for role in ("system", "user", "assistant", "tool"):
        asked = [message["content"] for message in messages if message["role"] == role]
        assert [turn.text for turn in prompt.turns if turn.role == role and turn.text] == asked
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    uses = [use for turn in prompt.turns for use in turn.tool_uses]
    assert [use.name for use in uses] == [call["function"]["name"] for call in calls]
    assert [json.loads(use.arguments_text) for use in uses] == [json.loads(c["function"]["arguments"]) for c in calls]
    if wire not in WITHOUT_IDS:
        assert [use.id for use in uses] == [call["id"] for call in calls]
        results = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
        assert [turn.answers_to for turn in prompt.turns if turn.role == "tool"] == results
