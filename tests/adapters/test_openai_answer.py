"""What the OpenAI adapter makes of an answer in one piece. Numbers are rows of the fault table."""

import json

import pytest

from providers.adapters import adapters
from providers.errors import BadUpstreamResponse, ContextTooLong, Overloaded, RateLimited
from tests.adapters.contract import ANSWER, check
from tests.adapters.examples import ROLE, STOP, USAGE, answered, chat, chunk, completion, sse, target

OPENAI = adapters()["openai"]


def read(body, to=None):
    return OPENAI.answer(body if isinstance(body, bytes) else json.dumps(body).encode(), chat(), to or target())


def test_an_ordinary_answer_keeps_its_bytes_but_for_the_name():
    body = json.dumps(completion({"content": "né"}, extra={"kept": 1.50})).encode()
    answer = read(body)
    assert answer.data == body.replace(b"theirs-0613", b"ours")
    assert (answer.id, answer.served_model, answer.finish_reason) == ("chatcmpl-1", "theirs-0613", "stop")
    assert (answer.usage.prompt, answer.usage.completion, answer.text_length) == (7, 2, 2)
    assert read(body, target(model="theirs-0613")).data == body
    check(answered(answer), ANSWER)


def test_parts_of_the_usage_are_read():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 40},
    }
    found = read(completion(usage=usage)).usage
    assert (found.cached, found.cache_write, found.reasoning) == (60, 10, 40)


def test_row_35_what_is_missing_is_filled_in_and_the_served_model_recorded():
    body = {"model": "served", "created": 17.9, "choices": [{"message": {"content": "Hi"}}]}
    answer = read(body)
    filled = answered(answer)
    assert filled["id"].startswith("chatcmpl-") and filled["created"] == 17 and filled["model"] == "ours"
    assert (answer.served_model, answer.usage) == ("served", None)
    check(filled, ANSWER)


@pytest.mark.parametrize("missing", ["refusal", "logprobs", "both"])
def test_nulls_that_most_servers_leave_out_are_added_and_nothing_else_changes(missing):
    body = completion({"content": "né", "reasoning_content": "so"}, extra={"kept": [1.5, 10**18]}, usage={
        "prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9, "queue_time": 0.25,
    })  # fmt: skip
    (choice,) = body["choices"]
    if missing != "logprobs":
        del choice["message"]["refusal"]
    if missing != "refusal":
        del choice["logprobs"]
    answer = read(body)
    choice["message"] |= {"refusal": None}
    assert answered(answer) == body | {"model": "ours", "choices": [choice | {"logprobs": None}]}
    assert (answer.usage.prompt, answer.usage.completion, answer.text_length) == (7, 2, 4)


@pytest.mark.parametrize("broken", [{}, {"finish_reason": "eos"}], ids=["right", "repaired"])
def test_reasoning_has_one_name_whatever_the_server_calls_it(broken):
    body = completion({"content": "Hi", "reasoning": "so", "kept": 1})
    body["choices"][0] |= broken
    answer = read(body)
    message = body["choices"][0]["message"] | {"reasoning_content": "so"}
    assert answered(answer)["choices"][0]["message"] == message and answer.text_length == 4
    both = completion({"reasoning": "long", "reasoning_content": "short"})
    assert answered(read(both))["choices"] == both["choices"]


@pytest.mark.parametrize("message", [{}, {"refusal": None}])
@pytest.mark.parametrize("name", ["prompt_cache_hit_tokens", "cached_tokens"])
def test_cached_tokens_beside_the_details_are_found_whatever_else_is_left_out(name, message):
    body = completion(usage={"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, name: 64})
    body["choices"][0]["message"] = {"role": "assistant", "content": "Hi", **message}
    answer = read(body)
    assert answer.usage.cached == answered(answer)["usage"]["prompt_tokens_details"]["cached_tokens"] == 64


def test_nulls_and_foreign_words_are_put_right():
    tools = [
        {"id": None, "function": {"name": "f", "arguments": {"q": 1}}},
        {"function": {"name": "g", "arguments": None}},
    ]
    body = completion(
        {"refusal": None, "tool_calls": tools, "function_call": None, "audio": None, "annotations": None},
        "tool_use",
        system_fingerprint=None,
        service_tier="on_demand",
        usage=None,
        error=None,
    )
    filled = answered(read(body))
    check(filled, ANSWER)
    message = filled["choices"][0]["message"]
    assert filled["choices"][0]["finish_reason"] == "tool_calls"
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ['{"q":1}', "{}"]
    assert len({call["id"] for call in message["tool_calls"]}) == 2


def test_an_answer_without_usage_says_so_and_unusable_usage_is_unknown():
    assert read(completion(usage=None)).usage is None
    assert read(completion(usage={"prompt_tokens": 10**13, "completion_tokens": 1, "total_tokens": 1})).usage is None
    negative = read(completion(usage={"prompt_tokens": -3, "completion_tokens": 4, "total_tokens": 1}))
    assert (negative.usage.prompt, negative.usage.completion) == (0, 4)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html>secret-host</html>",
        b"{not json",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b'{"id":"x","choices":null}',
        b'{"id":"x","choices":[]}',
        b'{"id":"x","choices":[{}]}',
        b'{"id":"x","choices":[{"message":{"content":{"a":1}}}]}',
        b'{"id":"x","choices":[{"message":{"content":"a","tool_calls":[{"function":{}}]}}]}',
        b"[" * 5000,
        b"Internal Server Error",
        b"error: secret-host",
    ],
)
def test_rows_13_and_14_what_is_no_answer_is_a_bad_response_and_not_quoted(body):
    with pytest.raises(BadUpstreamResponse) as caught:
        read(body)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        ({"code": 429, "message": "slow"}, RateLimited),
        ({"code": "context_length_exceeded", "message": "long"}, ContextTooLong),
        ({"message": "Provider returned error", "code": 502}, Overloaded),
        ("overloaded", Overloaded),
    ],
)
def test_an_error_inside_a_200_is_an_error(error, cls):
    for body in ({"error": error}, completion() | {"error": error}, [{"error": error}]):
        with pytest.raises(cls):
            read(body)


def test_row_24_invalid_utf8_becomes_the_replacement_character():
    body = json.dumps(completion({"content": "a?b"})).encode().replace(b"a?b", b"a\xffb")
    assert answered(read(body))["choices"][0]["message"]["content"] == "a�b"


def test_row_28_a_stream_in_answer_to_a_plain_request_is_collected():
    call = chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]})
    rest = chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]})
    for start in (b"", b": comment\n\n", b"\xef\xbb\xbf"):
        body = start + sse(ROLE, chunk({"content": "Hi"}), call, rest, chunk({}, "tool_calls"), USAGE, b"[DONE]")
        answer = read(body)
        message = answered(answer)["choices"][0]["message"]
        assert message["content"] == "Hi" and message["tool_calls"][0]["function"] == {
            "name": "f",
            "arguments": '{"x":1}',
        }
        assert (answer.served_model, answer.finish_reason, answer.usage.prompt) == ("theirs-0613", "tool_calls", 7)
        check(answered(answer), ANSWER)


def test_row_28_a_cut_stream_is_no_answer():
    with pytest.raises(BadUpstreamResponse):
        read(sse(ROLE, chunk({"content": "Hi"})))
    with pytest.raises(RateLimited):
        read(sse(ROLE, chunk({"content": "Hi"}), {"error": {"code": 429}}))


def test_several_choices_are_collected_each():
    second = chunk(choices=[{"index": 1, "delta": {"role": "assistant", "content": "B"}, "finish_reason": "length"}])
    found = answered(read(sse(ROLE, second, chunk({"content": "A"}), STOP)))
    assert [choice["message"]["content"] for choice in found["choices"]] == ["A", "B"]
    assert [choice["finish_reason"] for choice in found["choices"]] == ["stop", "length"]
