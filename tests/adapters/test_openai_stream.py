"""What the OpenAI adapter makes of a stream. Numbers are rows of the fault table."""

import json

import pytest

from providers.adapters import adapters
from providers.errors import (
    BadUpstreamResponse,
    ContextTooLong,
    InvalidRequest,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
)
from providers.wire.chunks import ChunkDecoder
from providers.wire.cutting import EVENT_LIMIT
from tests.adapters.contract import CHUNK, check
from tests.adapters.examples import (
    ROLE,
    STOP,
    USAGE,
    chat,
    chunk,
    finish,
    payloads,
    sse,
    streamed,
    target,
    text,
)

OPENAI = adapters()["openai"]

DONE = b"[DONE]"

HELLO = sse(ROLE, chunk({"content": "Hel"}), chunk({"content": "lo"}), STOP, USAGE, DONE)


def test_passes_an_ordinary_stream_on_and_puts_our_name_in():
    chunks = streamed(OPENAI, [HELLO])
    assert text(chunks) == "Hello" and finish(chunks) == "stop"
    assert {payload["model"] for payload in payloads(chunks)} == {"ours"}
    assert {item.event.model for item in chunks} == {"theirs-0613"}
    assert chunks[-1].event.choices == [] and chunks[-1].event.usage.tokens().prompt == 7
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_an_ordinary_event_keeps_its_bytes():
    choice = b'{"index":0,"delta":{"role":"assistant","content":"\\u00e9 \xf0\x9f\x91\xa9"},"finish_reason":null}'
    head = b'"id":"c","object":"chat.completion.chunk","created":1,"model":"ours"'
    event = b"data: {" + head + b',"choices":[' + choice + b'],"x":1.50}\n\n'
    (first, *_) = OPENAI.decoder(chat(stream=True), target()).feed(event)
    assert first.data == event


@pytest.mark.parametrize(
    "written", ['"model": "theirs-0613"', '"model":"theirs-0613"', '"model" : "theirs\\u002d0613"']
)
def test_our_name_goes_in_however_theirs_is_written(written):
    body = HELLO.replace(b'"model": "theirs-0613"', written.encode())
    assert {payload["model"] for payload in payloads(streamed(OPENAI, [body]))} == {"ours"}


def test_text_that_looks_like_the_model_field_stays():
    tricky = 'say "model": "theirs-0613" and "model":"theirs-0613"'
    assert text(streamed(OPENAI, [sse(ROLE, chunk({"content": tricky}), STOP, DONE)])) == tricky


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_row_24_any_split_of_the_bytes_gives_the_same(size):
    body = sse(ROLE, chunk({"content": "né 👩‍💻 \u0000 \\ud83d"}), STOP, USAGE, DONE)
    whole = [item.data for item in streamed(OPENAI, [body])]
    assert [item.data for item in streamed(OPENAI, [body[i : i + size] for i in range(0, len(body), size)])] == whole


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_row_26_every_cut_into_two_gives_the_same_with_any_line_end(end):
    body = HELLO.replace(b"data: ", b": note\nid: 7\nretry: 10\nevent: message\ndata:", 2)
    body = body.replace(b', "choices"', b',\ndata: "choices"')
    body = b"\xef\xbb\xbf" + body.replace(b"\n", end.encode())
    whole = [item.data for item in streamed(OPENAI, [body])]
    assert len(whole) == 5 and text(streamed(OPENAI, [body])) == "Hello"
    for at in range(1, len(body)):
        assert [item.data for item in streamed(OPENAI, [body[:at], body[at:]])] == whole


def test_row_26_one_event_over_several_data_lines():
    lines = json.dumps(chunk({"role": "assistant", "content": "x"}), indent=1).replace("\n", "\ndata: ")
    body = b"data: " + lines.encode() + b"\n\n" + sse(STOP)
    assert text(streamed(OPENAI, [body])) == "x"


def test_row_26_comments_between_events_and_a_bare_cr_in_the_middle():
    body = b": OPENROUTER PROCESSING\n\n" + sse(ROLE)[:-2] + b"\r\r" + sse(chunk({"content": "x"}), STOP)
    assert text(streamed(OPENAI, [body])) == "x"


def test_row_24_invalid_utf8_becomes_the_replacement_character():
    body = sse(ROLE, chunk({"content": "a?b"}), STOP).replace(b"a?b", b"a\xff\xfeb")
    assert text(streamed(OPENAI, [body])) == "a��b"


def test_row_24_lone_surrogates_and_raw_control_characters_do_not_crash():
    body = sse(ROLE, chunk({"content": "a?b"}), STOP)
    assert text(streamed(OPENAI, [body.replace(b"a?b", b"a\\ud83db")])) == "a�b"
    assert text(streamed(OPENAI, [body.replace(b"a?b", b"a\x01b")])) == "a\x01b"
    assert text(streamed(OPENAI, [body.replace(b"a?b", b"a\\u0000b")])) == "a\x00b"


def test_row_25_done_ends_the_stream_once():
    chunks = streamed(OPENAI, [HELLO + sse(DONE, chunk({"content": "late"}), DONE)])
    assert text(chunks) == "Hello" and not any(DONE in item.data for item in chunks)
    decoder = OPENAI.decoder(chat(stream=True), target())
    decoder.feed(HELLO)
    assert decoder.done and decoder.feed(sse(chunk({"content": "late"}))) == [] and decoder.finish() == []


def test_row_25_a_finish_reason_without_done_is_complete():
    chunks = streamed(OPENAI, [sse(ROLE, chunk({"content": "Hi"}), STOP, USAGE)])
    assert text(chunks) == "Hi" and chunks[-1].event.usage.tokens().completion == 2


def test_the_last_event_may_lack_its_blank_line_and_even_its_end():
    assert finish(streamed(OPENAI, [sse(ROLE, STOP)[:-2]])) == "stop"
    half_usage = sse(ROLE, chunk({"content": "Hi"}), STOP) + sse(USAGE)[:-20]
    assert text(streamed(OPENAI, [half_usage])) == "Hi"


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b'data: {"id": "chatc'])
def test_row_19_an_end_without_finish_reason_is_a_cut(end):
    decoder = OPENAI.decoder(chat(stream=True), target())
    chunks = decoder.feed(sse(ROLE, chunk({"content": "Hel"})) + end)
    assert text(chunks) == "Hel"
    with pytest.raises(BadUpstreamResponse):
        decoder.finish()


def test_row_19_every_choice_must_finish():
    second = chunk(choices=[{"index": 1, "delta": {"role": "assistant", "content": "B"}, "finish_reason": None}])
    with pytest.raises(BadUpstreamResponse, match="finish_reason"):
        streamed(OPENAI, [sse(ROLE, second, STOP, DONE)])
    finished = chunk(choices=[{"index": 1, "delta": {}, "finish_reason": "length"}])
    assert len(streamed(OPENAI, [sse(ROLE, second, STOP, finished, DONE)])) == 4


def test_row_13_html_and_empty_bodies_are_refused_and_not_quoted():
    for body in (b"<html><h1>secret-host down</h1></html>", b"", b"\n\n", b"Internal Server Error"):
        with pytest.raises(BadUpstreamResponse) as caught:
            streamed(OPENAI, [body])
        assert "secret" not in str(caught.value) and "Internal" not in str(caught.value)


@pytest.mark.parametrize(
    "event",
    [
        b"{not json",
        b"[1]",
        b'"text"',
        b"{}",
        b'{"id":"x","choices":5}',
        b'{"id":"x","choices":[5]}',
        b'{"id":"x","choices":[{"delta":{"content":5}}]}',
        b'{"id":"x","choices":[{"delta":[1]}]}',
        b'{"id":"x","choices":[{"delta":{"tool_calls":{"a":1}}}]}',
        b'{"a":' * 3000,
        b'{"id":"x","choices":[{"delta":{"content":NaN}}]}',
    ],
)
def test_row_14_what_is_no_chunk_is_a_bad_response(event):
    with pytest.raises(BadUpstreamResponse) as caught:
        streamed(OPENAI, [sse(event)])
    assert "not json" not in str(caught.value)


def test_row_21_an_error_behind_text_lets_the_text_pass_first():
    decoder = OPENAI.decoder(chat(stream=True), target())
    chunks = decoder.feed(sse(ROLE, chunk({"content": "Hel"}), {"error": {"message": "boom", "code": 503}}))
    assert text(chunks) == "Hel" and isinstance(decoder.pending, Overloaded)
    with pytest.raises(Overloaded):
        decoder.feed(b"")
    with pytest.raises(Overloaded):
        decoder.finish()


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        ({"message": "slow", "type": "rate_limit_error", "code": None}, RateLimited),
        ({"message": "slow", "code": 429}, RateLimited),
        ({"message": "slow", "code": "429"}, RateLimited),
        ({"message": "no money", "code": "insufficient_quota"}, QuotaExhausted),
        ({"message": "no money", "code": 402}, QuotaExhausted),
        ({"message": "bad", "type": "server_error"}, Overloaded),
        ({"message": "who knows"}, Overloaded),
        ("plain text", Overloaded),
        ({"message": "too long", "code": "context_length_exceeded"}, ContextTooLong),
        ({"message": "wrong field", "type": "invalid_request_error", "param": "top_k"}, InvalidRequest),
    ],
)
def test_row_20_an_error_event_before_any_text_raises_at_once(error, cls):
    for body in (
        sse({"error": error}),
        sse(ROLE, {"error": error, "choices": []}),
        sse(chunk({}, "error", error=error)),
    ):
        with pytest.raises(cls) as caught:
            OPENAI.decoder(chat(stream=True), target()).feed(body)
        assert type(caught.value) is cls


def test_row_20_an_error_said_by_the_events_name_or_the_finish_reason():
    with pytest.raises(RateLimited):
        streamed(OPENAI, [b'event: error\ndata: {"message": "slow", "code": 429}\n\n'])
    with pytest.raises(Overloaded):
        streamed(OPENAI, [sse(ROLE, chunk({}, "error"))])


def test_row_23_a_line_without_end_is_cut_off():
    decoder = OPENAI.decoder(chat(stream=True), target())
    with pytest.raises(BadUpstreamResponse, match="longer"):
        for _ in range(EVENT_LIMIT // 65536 + 1):
            decoder.feed(b"data: {".ljust(65536, b"x"))
    with pytest.raises(BadUpstreamResponse, match="longer"):
        ChunkDecoder(target(), event_limit=100).feed(sse(chunk({"content": "y" * 200})))


def test_errors_never_carry_more_than_a_line_of_the_upstreams_text():
    with pytest.raises(ProviderError) as caught:
        streamed(OPENAI, [sse({"error": {"message": "x\n\x1b[31m" + "y" * 5000}})])
    assert len(caught.value.message) <= 501 and caught.value.message.isprintable()
