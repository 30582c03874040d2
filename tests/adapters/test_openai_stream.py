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
    completion,
    finish,
    payloads,
    reasoning,
    sse,
    streamed,
    target,
    text,
    tool_calls,
)

OPENAI = adapters()["openai"]
DONE = b"[DONE]"
HELLO = sse(ROLE, chunk({"content": "Hel"}), chunk({"content": "lo"}), STOP, USAGE, DONE)


def calls(*fragments: dict) -> dict:
    return chunk({"tool_calls": list(fragments)})


def fragment(index=None, id=None, name=None, arguments=None, **more):
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    fields = {"index": index, "id": id, "type": "function" if id else None, "function": function or None}
    return {k: v for k, v in fields.items() if v is not None} | more


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


def test_row_27_the_last_usage_wins_and_comes_once_at_the_end():
    def counted(n, **fields):
        return {"usage": {"prompt_tokens": n, "completion_tokens": n, "total_tokens": 2 * n}, **fields}

    body = sse(chunk({"role": "assistant", "content": "a"}, **counted(1)), chunk({}, "stop", **counted(2)))
    chunks = streamed(OPENAI, [body + sse(chunk(choices=[], **counted(5)), DONE)])
    assert [payload.get("usage") for payload in payloads(chunks)[:-1]] == [None, None]
    assert payloads(chunks)[-1]["usage"]["total_tokens"] == 10 and payloads(chunks)[-1]["choices"] == []
    assert chunks[0].event.usage.tokens().prompt == 1  # so that a cut stream can be billed


def test_row_27_usage_beside_the_finish_reason_gets_a_chunk_of_its_own():
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9, "cost": 0.01}
    chunks = streamed(OPENAI, [sse(ROLE, chunk({}, "stop", usage=usage), DONE)])
    assert payloads(chunks)[-1]["usage"] == usage and payloads(chunks)[-1]["choices"] == []


def test_groqs_usage_is_read():
    last = chunk({}, "stop", x_groq={"id": "req_1", "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    assert streamed(OPENAI, [sse(ROLE, last, DONE)])[-1].event.usage.tokens().completion == 4


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": "many"}, {"prompt_tokens": 10**12, "completion_tokens": 1}])
def test_row_27_unusable_usage_is_unknown(usage):
    chunks = streamed(OPENAI, [sse(ROLE, STOP, chunk(choices=[], usage=usage), DONE)])
    assert not any(item.event.usage for item in chunks)


def test_row_27_negative_usage_is_clamped():
    usage = {"prompt_tokens": -5, "completion_tokens": 3, "total_tokens": -2, "prompt_tokens_details": None}
    last = streamed(OPENAI, [sse(ROLE, STOP, chunk(choices=[], usage=usage), DONE)])[-1]
    assert (last.event.usage.prompt_tokens, last.event.usage.completion_tokens) == (0, 3)
    check(payloads([last])[0], CHUNK)


@pytest.mark.parametrize("space", [b"", b"\n "])
def test_row_28_json_instead_of_a_stream_becomes_one(space):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    message = {"content": "Hello", "tool_calls": [call], "reasoning_content": "hm"}
    body = space + json.dumps(completion(message, "tool_calls")).encode()
    chunks = streamed(OPENAI, [body[:5], body[5:]])
    assert text(chunks) == "Hello" and reasoning(chunks) == "hm" and finish(chunks) == "tool_calls"
    assert tool_calls(chunks) == [("call_1", "f", '{"a":1}')]
    assert payloads(chunks)[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1].event.usage.tokens().prompt == 7
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_row_28_an_error_as_json_instead_of_a_stream():
    with pytest.raises(RateLimited):
        streamed(OPENAI, [b'[{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]'])


def test_row_29_role_chunks_and_empty_deltas_come_once():
    again = chunk({"role": "assistant", "content": ""})
    body = sse(ROLE, again, chunk({"content": "x"}), chunk(), chunk({"content": ""}), again, STOP, DONE)
    assert len(streamed(OPENAI, [body])) == 3


def test_row_29_a_delta_with_something_unknown_stays():
    assert len(streamed(OPENAI, [sse(ROLE, chunk({"content": "", "images": [{"url": "x"}]}), STOP)])) == 3


def test_row_29_a_stream_without_role_gets_one():
    chunks = streamed(OPENAI, [sse(chunk({"content": "x"}), STOP)])
    assert payloads(chunks)[0]["choices"][0]["delta"] == {"content": "x", "role": "assistant"}


def test_row_29_tool_calls_in_order_keep_their_bytes():
    events = [
        calls(fragment(0, "a", "f", "")),
        calls(fragment(0, arguments='{"x":')),
        calls(fragment(0, arguments="1}")),
        calls(fragment(1, "b", "g", ""), fragment(1, arguments="{}")),
    ]
    body = sse(ROLE, *events, chunk({}, "tool_calls"), DONE)
    assert tool_calls(streamed(OPENAI, [body])) == [("a", "f", '{"x":1}'), ("b", "g", "{}")]
    assert b"".join(item.data for item in streamed(OPENAI, [body], target(model="theirs-0613"))) == body[:-14]


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [
        ([fragment(3, "a", "f", "{}"), fragment(7, "b", "g", "{}")], [("a", "f", "{}"), ("b", "g", "{}")]),
        ([fragment(0, "a", "f", "{}"), fragment(0, "b", "g", "{}")], [("a", "f", "{}"), ("b", "g", "{}")]),
        ([fragment(0, "a", "f", "{"), fragment(0, "a", None, "}")], [("a", "f", "{}")]),
        ([fragment(None, "a", "f", "{"), fragment(None, None, None, "}")], [("a", "f", "{}")]),
        ([fragment(0, "a", "f", ""), fragment(0, None, None, "not json")], [("a", "f", "not json")]),
        ([fragment(0, "a", "f", None, function={"name": "f", "arguments": {"q": 1}})], [("a", "f", '{"q":1}')]),
        ([fragment(0, 17, "f", "{}")], [("17", "f", "{}")]),
        (
            [
                fragment(0, "a", "f", "{"),
                fragment(1, "b", "g", "["),
                fragment(0, None, None, "}"),
                fragment(1, None, None, "]"),
            ],
            [("a", "f", "{}"), ("b", "g", "[]")],
        ),
    ],
)
def test_row_29_tool_calls_are_numbered_as_they_come(fragments, expected):
    chunks = streamed(OPENAI, [sse(ROLE, *(calls(piece) for piece in fragments), chunk({}, "tool_calls"))])
    assert tool_calls(chunks) == expected
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_row_29_one_id_twice_and_no_ids_at_all_become_ids_of_their_own():
    pieces = [
        fragment(0, "a", "f", "{"),
        fragment(1, "a", "g", "["),
        fragment(1, "a", None, "]"),
        fragment(0, "a", None, "}"),
    ]
    first, second = tool_calls(streamed(OPENAI, [sse(ROLE, *map(calls, pieces), chunk({}, "tool_calls"))]))
    assert first == ("a", "f", "{}") and second[1:] == ("g", "[]") and second[0] not in ("", "a")
    whole = [fragment(0, None, "f", "{}"), fragment(0, None, "g", "{}")]
    found = tool_calls(streamed(OPENAI, [sse(ROLE, *map(calls, whole), chunk({}, "tool_calls"))]))
    assert [name for _, name, _ in found] == ["f", "g"] and len({call_id for call_id, _, _ in found} - {""}) == 2


def test_row_35_missing_ids_times_and_types_are_filled_in():
    body = sse(
        {"choices": [{"delta": {"role": "assistant", "content": "a"}}]},
        {"id": None, "created": 1.5, "model": None, "choices": [{"index": 0, "delta": {"content": "b"}}]},
        chunk(None, "eos", system_fingerprint=None, service_tier="on_demand"),
    )
    chunks = streamed(OPENAI, [body])
    assert text(chunks) == "ab" and finish(chunks) == "stop"
    assert len({payload["id"] for payload in payloads(chunks)}) == 1 and payloads(chunks)[0]["id"].startswith(
        "chatcmpl-"
    )
    for payload in payloads(chunks):
        check(payload, CHUNK)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("eos", "stop"), ("max_tokens", "length"), ("tool_use", "tool_calls"), ("SAFETY", "content_filter")],
)
def test_finish_reasons_outside_the_enum_are_mapped(theirs, ours):
    assert finish(streamed(OPENAI, [sse(ROLE, chunk({}, theirs))])) == ours


def test_reasoning_by_any_name_counts_as_content():
    chunks = streamed(OPENAI, [sse(ROLE, chunk({"reasoning": "hm"}), chunk({"reasoning_content": "so"}), STOP)])
    assert reasoning(chunks) == "hmso" and chunks[1].content_length == 2
    mistral = chunk(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "x"}]}
    )
    chunks = streamed(OPENAI, [sse(ROLE, mistral, STOP)])
    assert reasoning(chunks) == "hm" and text(chunks) == "x"


def test_azures_first_event_without_choices_is_dropped():
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}
    assert len(streamed(OPENAI, [sse(first, ROLE, STOP)])) == 2


def test_errors_never_carry_more_than_a_line_of_the_upstreams_text():
    with pytest.raises(ProviderError) as caught:
        streamed(OPENAI, [sse({"error": {"message": "x\n\x1b[31m" + "y" * 5000}})])
    assert len(caught.value.message) <= 501 and caught.value.message.isprintable()
