"""Why Gemini stopped, in OpenAI's words: never an empty success, never a crash."""

import json

import pytest

from providers.errors import BadUpstreamResponse
from tests.adapters.contract import ANSWER, CHUNK, check
from tests.adapters.examples import answered, chat, finish, payloads, sse, streamed, target, text, tool_calls
from tests.adapters.gemini import GEMINI, answer, call, event, said


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("CONTINUATION", "length"),
        *((word, "content_filter") for word in (
            "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
            "MODEL_ARMOR", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER", "ESCALATION",
            "PUP_LIMITED_DISABLED")),
        ("OTHER", "stop"),
        ("SOMETHING_OF_TOMORROW", "stop"),
    ],
)  # fmt: skip
def test_finish_reasons(theirs, ours):
    assert finish(streamed(GEMINI, [sse(event(said("A")), event(reason=theirs))])) == ours
    assert answer(event(said("A"), reason=theirs)).finish_reason == ours


@pytest.mark.parametrize("word", ["SAFETY", "MAX_TOKENS", "STOP"])
def test_an_answer_without_content_is_one_where_the_reason_says_why(word):
    body = answered(answer(event(reason=word)))
    assert body["choices"][0]["message"]["content"] == "" and body["choices"][0]["finish_reason"] in (
        "content_filter",
        "length",
        "stop",
    )
    check(body, ANSWER)


@pytest.mark.parametrize(
    "word",
    [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "OTHER",
        "FINISH_REASON_UNSPECIFIED",
        "SOMETHING_OF_TOMORROW",
    ],
)
def test_a_reason_that_leaves_no_answer_is_an_error_never_an_empty_success(word):
    for body in (sse(event(reason=word)), json.dumps(event(reason=word)).encode()):
        with pytest.raises(BadUpstreamResponse):
            streamed(GEMINI, [body])


def test_an_error_at_the_end_lets_the_text_before_it_pass():
    decoder = GEMINI.decoder(chat(stream=True), target("gemini"))
    chunks = decoder.feed(sse(event(said("A"), reason="MALFORMED_FUNCTION_CALL")))
    with pytest.raises(BadUpstreamResponse):
        decoder.finish()
    assert text(chunks) == "A" and finish(chunks) is None


def test_a_reason_that_every_event_repeats_ends_nothing_early():
    body = sse(event(said("A"), reason="STOP"), event(said("B"), reason="STOP"), event(call("f"), reason="STOP"))
    chunks = streamed(GEMINI, [body])
    assert text(chunks) == "AB" and finish(chunks) == "tool_calls" and len(tool_calls(chunks)) == 1
    assert payloads(chunks)[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "OTHER", "A_NEW_ONE"])
def test_a_blocked_prompt_has_no_candidates_and_ends_as_filtered(reason):
    blocked = {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 5}}
    whole = answer(blocked)
    assert whole.finish_reason == "content_filter" and (whole.usage.prompt, whole.usage.completion) == (5, 0)
    assert reason in answered(whole)["choices"][0]["message"]["refusal"]
    check(answered(whole), ANSWER)
    chunks = streamed(GEMINI, [sse(blocked)])
    assert finish(chunks) == "content_filter" and chunks[-1].event.usage.prompt_tokens == 5
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_what_is_said_again_behind_the_end_is_said_once():
    body = sse(event(said("A")), event(said("B"), reason="STOP"))
    assert text(streamed(GEMINI, [body + body])) == "AB"
    late = {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}}
    assert streamed(GEMINI, [body + sse(late)])[-1].event.usage.completion_tokens == 4


def test_counted_tokens_that_nobody_shows_are_a_bad_response():
    counts = {"promptTokenCount": 3}
    body = sse({"usageMetadata": counts}, event(said("A"), reason="STOP"))
    assert text(streamed(GEMINI, [body])) == "A"
    with pytest.raises(BadUpstreamResponse, match="counts tokens"):
        streamed(GEMINI, [sse({"usageMetadata": counts | {"candidatesTokenCount": 1}}) + body])
