"""What the Ollama adapter makes of answers, streamed and not. Numbers are rows of the fault table."""

import json

import pytest

from providers.adapters import adapters
from providers.errors import (
    BadUpstreamResponse,
    ContextTooLong,
    InvalidRequest,
    Overloaded,
    UnsupportedByWire,
    UpstreamNotFound,
)
from tests.adapters.contract import ANSWER, CHUNK, check
from tests.adapters.examples import answered, chat, finish, payloads, reasoning, streamed, target, text, tool_calls

OLLAMA = adapters()["ollama"]


def lines(*said):
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in said)


def line(content="", **message):
    head = {"model": "llama3:8b", "created_at": "2026-01-01T00:00:00.123456789Z"}
    return head | {"message": {"role": "assistant", "content": content} | message, "done": False}


def last(reason="stop", content="", **fields):
    counts = {"prompt_eval_count": 11, "eval_count": 4, "total_duration": 5}
    return line(content) | {"done": True, "done_reason": reason} | counts | fields


def call(name, **arguments):
    return {"function": {"name": name, "arguments": arguments}}


PLAIN = lines(line(thinking="hm"), line("Hé"), line("llo 👩‍💻"), last())


def strip(item):
    payload = json.loads(item.data[6:])
    return payload | {"created": 0, "id": ""}


def test_an_ordinary_stream():
    chunks = streamed(OLLAMA, [PLAIN])
    assert (text(chunks), reasoning(chunks), finish(chunks)) == ("Héllo 👩‍💻", "hm", "stop")
    usage = chunks[-1].event.usage.tokens()
    assert (usage.prompt, usage.completion) == (11, 4)
    assert {item.event.model for item in chunks} == {"llama3:8b"} and {p["model"] for p in payloads(chunks)} == {"ours"}
    assert len({p["id"] for p in payloads(chunks)}) == 1
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_row_24_every_cut_into_two_gives_the_same():
    whole = [strip(item) for item in streamed(OLLAMA, [PLAIN])]
    for at in range(1, len(PLAIN)):
        assert [strip(item) for item in streamed(OLLAMA, [PLAIN[:at], PLAIN[at:]])] == whole
    assert [strip(item) for item in streamed(OLLAMA, [bytes([byte]) for byte in PLAIN])] == whole
    assert [strip(item) for item in streamed(OLLAMA, [PLAIN.replace(b"\n", b"\r\n\n")])] == whole
    assert [strip(item) for item in streamed(OLLAMA, [PLAIN.rstrip()])] == whole


def test_parallel_tool_calls_get_indexes_and_ids_of_their_own():
    body = lines(line(tool_calls=[call("f", a=1), call("g")]), line(tool_calls=[call("f", b=[None])]), last())
    chunks = streamed(OLLAMA, [body])
    found = tool_calls(chunks)
    assert [(name, arguments) for _, name, arguments in found] == [("f", '{"a":1}'), ("g", "{}"), ("f", '{"b":[null]}')]
    assert len({call_id for call_id, _, _ in found}) == 3 and finish(chunks) == "tool_calls"
    with_id = lines(line(tool_calls=[{"id": "call_9", **call("f")}]), last())
    assert tool_calls(streamed(OLLAMA, [with_id]))[0][0] == "call_9"


@pytest.mark.parametrize(("theirs", "ours"), [("stop", "stop"), ("length", "length"), (None, "stop"), ("new", "stop")])
def test_done_reasons(theirs, ours):
    assert finish(streamed(OLLAMA, [lines(line("x"), last(theirs))])) == ours


@pytest.mark.parametrize("reason", ["load", "unload"])
def test_loading_is_no_answer(reason):
    with pytest.raises(BadUpstreamResponse):
        streamed(OLLAMA, [lines(last(reason))])


def test_row_27_absent_and_absurd_counts_are_unknown():
    for counts in ({"prompt_eval_count": None}, {"eval_count": None}, {"eval_count": 10**12}):
        assert not any(item.event.usage for item in streamed(OLLAMA, [lines(line("x"), last(**counts))]))
    fewer = last(prompt_eval_count=-3)
    assert streamed(OLLAMA, [lines(line("x"), fewer)])[-1].event.usage.tokens().prompt == 0


def test_row_19_an_end_without_done_is_a_cut():
    for body in (b"", lines(line("x")), lines(line("x"))[:-5], lines(line("x")) + lines(last())[:-20]):
        with pytest.raises(BadUpstreamResponse):
            streamed(OLLAMA, [body])


def test_row_21_an_error_in_the_stream_lets_the_text_pass_first():
    from_start = lines({"error": "an error was encountered while running the model: CUDA error"})
    with pytest.raises(Overloaded):
        streamed(OLLAMA, [from_start])
    decoder = OLLAMA.decoder(None, target("ollama"))
    assert text(decoder.feed(lines(line("Hé")) + from_start)) == "Hé"
    assert isinstance(decoder.pending, Overloaded)


@pytest.mark.parametrize(
    "body", [b"<html>secret</html>", b"{nope\n", b"[]\n", b'{"a":1}\n', b'{"message":{"content":5}}\n', b"5\n"]
)
def test_rows_13_and_14_what_is_no_line_is_a_bad_response(body):
    for ask in (lambda: streamed(OLLAMA, [body]), lambda: OLLAMA.answer(body, chat(), target("ollama"))):
        with pytest.raises(BadUpstreamResponse) as caught:
            ask()
        assert "secret" not in str(caught.value)


def test_row_23_a_line_without_end_is_cut_off():
    decoder = OLLAMA.decoder(None, target("ollama"))
    with pytest.raises(BadUpstreamResponse, match="longer"):
        for _ in range(20):
            decoder.feed(b"{" * 65536)


def test_an_answer_in_one_piece():
    whole = last(content="Hi") | {
        "message": {"role": "assistant", "content": "Hi", "thinking": "hm", "tool_calls": [call("f")]}
    }
    answer = OLLAMA.answer(json.dumps(whole).encode(), chat(), target("ollama"))
    message = answered(answer)["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Hi", "hm")
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert (answer.served_model, answer.finish_reason, answer.usage.prompt) == ("llama3:8b", "tool_calls", 11)
    check(answered(answer), ANSWER)
    assert (
        OLLAMA.answer(json.dumps(whole | {"prompt_eval_count": None}).encode(), chat(), target("ollama")).usage is None
    )


def test_row_28_a_stream_in_answer_to_a_plain_request_is_collected():
    answer = OLLAMA.answer(PLAIN, chat(), target("ollama"))
    assert answered(answer)["choices"][0]["message"]["content"] == "Héllo 👩‍💻"


@pytest.mark.parametrize(
    ("status", "message", "cls"),
    [
        (400, "registry.ollama.ai/library/phi:latest does not support tools", UnsupportedByWire),
        (400, "the input length exceeds the context length", ContextTooLong),
        (400, "json: cannot unmarshal", InvalidRequest),
        (404, "model 'x' not found", UpstreamNotFound),
        (500, "model requires more system memory (9 GiB) than is available", Overloaded),
        (503, "server busy, please try again. maximum pending requests exceeded", Overloaded),
    ],
)
def test_refusals_are_strings(status, message, cls):
    error = OLLAMA.error(status, {}, json.dumps({"error": message}).encode())
    assert type(error) is cls and error.message == message


def test_the_listing():
    rows = [
        {"name": "llama3:8b", "model": "llama3:8b", "details": {"families": ["llama"]}},
        {"name": "llava", "details": {"families": ["llama", "clip"]}},
        {"name": "nomic", "details": {"families": ["nomic-bert"]}},
        {"name": "new", "capabilities": ["completion", "tools", "thinking"], "context_length": 8192},
        {"model": "nameless"},
    ]
    found = OLLAMA.models(json.dumps({"models": rows}).encode())
    assert [(model.name, set(model.capabilities)) for model in found] == [
        ("llama3:8b", set()),
        ("llava", {"vision"}),
        ("nomic", {"embeddings"}),
        ("new", {"tools", "reasoning"}),
    ]
    assert found[3].context == 8192
    with pytest.raises(BadUpstreamResponse):
        OLLAMA.models(b'{"data": []}')
