"""What the Gemini adapter makes of answers, streamed and not. Numbers are rows of the fault table."""

import json

import pytest

from providers.errors import BadUpstreamResponse
from providers.wire.signatures import opened
from tests.adapters.contract import ANSWER, CHUNK, check
from tests.adapters.examples import answered, chat, finish, payloads, reasoning, sse, streamed, target, text, tool_calls
from tests.adapters.gemini import COUNTS, FULL, GEMINI, LAST, PLAIN, SIGNED, answer, call, event, said


def strip(item):
    return json.loads(item.data[6:]) | {"created": 0}


def test_every_kind_of_part():
    chunks = streamed(GEMINI, [FULL])
    assert text(chunks) == "AB" and reasoning(chunks) == "hm, so" and finish(chunks) == "tool_calls"
    first, second = tool_calls(chunks)
    assert first[1:] == ("f", json.dumps({"a": "né", "b": [1, {"c": None}]}, separators=(",", ":")))
    assert second[1:] == ("g", "{}") and first[0] != second[0]
    assert payloads(chunks)[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {(p["id"], p["model"]) for p in payloads(chunks)} == {("resp_1", "ours")}
    assert {item.event.model for item in chunks} == {"gemini-x-001"}
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_a_signature_stands_in_the_calls_id_and_where_google_spells_it_and_both_bind():
    chunks = streamed(GEMINI, [FULL])
    first, second = (c for item in chunks for choice in item.event.choices for c in choice.delta.tool_calls or ())
    assert opened(first.id) == ("fc_1", SIGNED) and opened(second.id) == (second.id, None)
    assert first.extra_content == {"google": {"thought_signature": SIGNED}} and second.extra_content is None
    assert [mark for item in chunks for mark in item.marks] == [first.id, second.id]
    whole = answer(event(call("f", {}, SIGNED, id="fc_1"), call("g"), reason="STOP"))
    calls = answered(whole)["choices"][0]["message"]["tool_calls"]
    assert calls[0]["extra_content"] == first.extra_content and opened(calls[0]["id"]) == ("fc_1", SIGNED)
    assert whole.marks == tuple(call["id"] for call in calls)
    check(answered(whole), ANSWER)


def test_a_signature_on_a_text_or_alone_on_the_last_empty_part_stands_beside_the_text():
    for parts in ((said("A", thoughtSignature=SIGNED),), (said("A"), said("", thoughtSignature=SIGNED))):
        whole = answer(event(*parts, reason="STOP"))
        message = answered(whole)["choices"][0]["message"]
        assert (message["content"], message["extra_content"]["google"]["thought_signature"]) == ("A", SIGNED)
        assert whole.marks == (SIGNED,)
        chunks = streamed(GEMINI, [sse(event(*parts, reason="STOP"))])
        assert text(chunks) == "A" and [mark for item in chunks for mark in item.marks] == [SIGNED]


def test_a_prompt_is_counted_before_the_answer_is_whole():
    begun = streamed(GEMINI, [sse(event(said("A"), usageMetadata=COUNTS)), sse(event(said("B"), reason="STOP"))])
    told = next(item.prompt for item in begun if item.event.choices[0].delta.content == "A")
    assert told is not None and (told.prompt, told.cached) == (93, 80)


def test_usage_counts_thoughts_as_completion_and_the_last_counts_win():
    usage = streamed(GEMINI, [FULL])[-1].event.usage.tokens()
    assert (usage.prompt, usage.completion, usage.cached, usage.reasoning) == (93, 40, 80, 12)
    assert answer(event(said("A"), reason="STOP", usageMetadata=LAST)).usage == usage
    tools = LAST | {"toolUsePromptTokenCount": 7}
    assert answer(event(said("A"), reason="STOP", usageMetadata=tools)).usage.prompt == 100


@pytest.mark.parametrize(
    "counts",
    [None, {}, {"promptTokenCount": 10**12, "candidatesTokenCount": 1}, {"candidatesTokenCount": 3}, COUNTS],
)
def test_row_27_missing_absurd_and_partial_usage_is_unknown(counts):
    assert answer(event(said("A"), reason="STOP", usageMetadata=counts)).usage is None


def test_row_27_negative_and_odd_counts():
    counts = {"promptTokenCount": -5, "candidatesTokenCount": "7", "cachedContentTokenCount": 99}
    usage = answer(event(said("A"), reason="STOP", usageMetadata=counts)).usage
    assert (usage.prompt, usage.completion, usage.cached) == (0, 7, 0)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_24_and_26_every_cut_into_two_gives_the_same(end):
    body = PLAIN.replace(b"\n", end.encode())
    whole = [strip(item) for item in streamed(GEMINI, [body])]
    assert text(streamed(GEMINI, [body])) == "Hello né 👩‍💻"
    for at in range(1, len(body)):
        assert [strip(item) for item in streamed(GEMINI, [body[:at], body[at:]])] == whole


def test_calls_without_ids_or_with_one_id_twice_get_ids_of_their_own():
    same = call("f", {"a": 1}, id="x")
    ids = [each[0] for each in tool_calls(streamed(GEMINI, [sse(event(same, same), event(call("f"), reason="STOP"))]))]
    assert ids[0] == "x" and len(set(ids)) == 3


@pytest.mark.parametrize("kept", range(3))
def test_row_19_an_end_without_a_finish_reason_is_a_cut(kept):
    with pytest.raises(BadUpstreamResponse):
        streamed(GEMINI, [b"\n\n".join(PLAIN.split(b"\n\n")[:kept]) + b"\n\n"])
    with pytest.raises(BadUpstreamResponse):
        answer(event(said("A")))


def test_a_last_event_without_its_blank_line_counts_and_half_an_event_does_not():
    assert finish(streamed(GEMINI, [PLAIN.rstrip(b"\n")])) == "stop"
    with pytest.raises(BadUpstreamResponse):
        streamed(GEMINI, [PLAIN[:-30]])


def test_several_candidates():
    body = sse(event(said("A")), event(said("B"), index=1), event(said("a"), reason="STOP"), event(call("f"), index=1))
    with pytest.raises(BadUpstreamResponse):
        streamed(GEMINI, [body])
    chunks = streamed(GEMINI, [body + sse(event(reason="MAX_TOKENS", index=1))])
    finishes = {c["index"]: c["finish_reason"] for p in payloads(chunks) for c in p["choices"] if c["finish_reason"]}
    assert finishes == {0: "stop", 1: "length"}
    whole = answered(answer({"candidates": [event(said("A"), reason="STOP")["candidates"][0],
                                            event(said("B"), reason="STOP", index=1)["candidates"][0]]}))  # fmt: skip
    assert [choice["message"]["content"] for choice in whole["choices"]] == ["A", "B"]
    check(whole, ANSWER)


def test_log_probabilities():
    chosen = [{"token": "Hé", "tokenId": 1, "logProbability": -0.5}, {"token": "y", "logProbability": -1}]
    top = [{"candidates": [chosen[0], {"token": "No", "logProbability": -2.5}]}, {"candidates": [chosen[1]]}]
    candidate = event(said("Héy"), reason="STOP")
    candidate["candidates"][0]["logprobsResult"] = {"chosenCandidates": chosen, "topCandidates": top}
    body = answered(answer(candidate))
    first, second = body["choices"][0]["logprobs"]["content"]
    assert (first["token"], first["logprob"], bytes(first["bytes"]).decode()) == ("Hé", -0.5, "Hé")
    assert [each["token"] for each in first["top_logprobs"]] == ["Hé", "No"] and second["token"] == "y"
    check(body, ANSWER)
    chunks = payloads(streamed(GEMINI, [sse(candidate)]))
    assert len([1 for payload in chunks for choice in payload["choices"] if choice.get("logprobs")]) == 1
    for payload in chunks:
        check(payload, CHUNK)


def test_row_28_json_for_a_stream_an_array_of_responses_and_a_stream_for_json():
    array = json.dumps([json.loads(line[6:]) for line in FULL.decode().split("\n\n") if line]).encode()
    for chunks in (streamed(GEMINI, [array]), streamed(GEMINI, [array[:50], array[50:]])):
        assert text(chunks) == "AB" and len(tool_calls(chunks)) == 2 and chunks[-1].event.usage.tokens().prompt == 93
    whole = GEMINI.answer(FULL, chat(), target("gemini"))
    assert answered(whole)["choices"][0]["message"]["content"] == "AB" and whole.served_model == "gemini-x-001"
    assert finish(streamed(GEMINI, [json.dumps(event(said("A"), reason="STOP")).encode()])) == "stop"


def test_a_foreign_end_mark_ends_the_stream():
    decoder = GEMINI.decoder(chat(stream=True), target("gemini"))
    chunks = decoder.feed(PLAIN + sse(b"[DONE]"))
    assert decoder.done and finish(chunks) == "stop"


def test_pictures_are_no_chat():
    with pytest.raises(BadUpstreamResponse, match="picture"):
        answer(event({"inlineData": {"mimeType": "image/png", "data": "aGk="}}, reason="STOP"))


def test_nearly_json_is_read():
    body = PLAIN.replace(rb"n\u00e9", b"n\xe9")
    assert text(streamed(GEMINI, [body])) == "Hello n\ufffd 👩‍💻"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>secret</html>",
        b"data: {nope\n\n",
        b"data: 5\n\n",
        b"data: {}\n\n",
        b"{}",
        b'{"candidates": []}',
        sse(event({"functionCall": {"args": {}}}, reason="STOP")),
        sse(event(call("f", 5), reason="STOP")),
        b'{"candidates": "secret"}',
    ],
)
def test_rows_13_and_14_what_is_no_answer_is_a_bad_response(body):
    with pytest.raises(BadUpstreamResponse) as caught:
        streamed(GEMINI, [body])
    assert "secret" not in str(caught.value)
