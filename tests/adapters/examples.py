"""Requests, targets and wire bytes that the adapters' tests share."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from providers.adapters.base import Adapter
from providers.chat import Answer, ChatBody, ChatRequest, Chunk
from providers.targets import Secret, Target

SECRET = Secret(1, "sk-very-secret-1234", "1234")
ROUTER_FIELDS = frozenset({"models", "provider", "preferences", "neuroroute"})


def target(wire: str = "openai", **fields: Any) -> Target:
    base = {"id": 1, "provider_id": 1, "model_id": 1, "provider": "up", "model": "ours", "upstream_model": "theirs"}
    return Target(**(base | {"wire": wire, "base_url": "http://up/v1"} | fields))


def chat(**fields: Any) -> ChatRequest:
    body = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]} | fields
    raw = json.dumps(body).encode()
    return ChatRequest(
        id="req_1",
        body=msgspec.json.decode(raw, type=ChatBody),
        raw=raw,
        stream=bool(body.get("stream")),
        router_fields=ROUTER_FIELDS,
    )


def sent(adapter: Adapter, to: Target | None = None, **fields: Any) -> dict[str, Any]:
    """The JSON body that `adapter` would send."""
    return json.loads(adapter.request(chat(**fields), to or target(adapter.name), SECRET).body)


def streamed(adapter: Adapter, pieces: Iterable[bytes], to: Target | None = None) -> list[Chunk]:
    """Every chunk of a stream that arrives as `pieces`; raises what the stream raises."""
    decoder = adapter.decoder(chat(stream=True), to or target(adapter.name))
    chunks: list[Chunk] = []
    for piece in pieces:
        chunks += decoder.feed(piece)
        if decoder.pending:
            raise decoder.pending
        if decoder.done:
            return chunks
    chunks += decoder.finish()
    if decoder.pending:
        raise decoder.pending
    return chunks


def payloads(chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
    """What the client decodes, each from one well-formed event."""
    found = []
    for chunk in chunks:
        assert chunk.data.startswith(b"data: {") and chunk.data.endswith(b"}\n\n") and chunk.data.count(b"\n") == 2
        found.append(json.loads(chunk.data[6:]))
    return found


def text(chunks: Iterable[Chunk]) -> str:
    return "".join(
        choice["delta"].get("content") or "" for payload in payloads(chunks) for choice in payload["choices"]
    )


def reasoning(chunks: Iterable[Chunk]) -> str:
    return "".join(choice.delta.reasoning_content or "" for chunk in chunks for choice in chunk.event.choices)


def finish(chunks: Iterable[Chunk]) -> str | None:
    reasons = [choice["finish_reason"] for payload in payloads(chunks) for choice in payload["choices"]]
    return next((reason for reason in reasons if reason), None)


def tool_calls(chunks: Iterable[Chunk]) -> list[tuple[str, str, str]]:
    """(id, name, arguments) of every call, put together as a client does it: by index."""
    calls: dict[int, list[str]] = {}
    for payload in payloads(chunks):
        for choice in payload["choices"]:
            for piece in choice["delta"].get("tool_calls") or ():
                call = calls.setdefault(piece["index"], ["", "", ""])
                function = piece.get("function") or {}
                call[0] = piece.get("id") or call[0]
                call[1] = function.get("name") or call[1]
                call[2] += function.get("arguments") or ""
    assert sorted(calls) == list(range(len(calls)))
    return [(call[0], call[1], call[2]) for _, call in sorted(calls.items())]


def answered(answer: Answer) -> dict[str, Any]:
    return json.loads(answer.data)


def sse(*events: Any) -> bytes:
    """Data events: JSON objects, or bytes as they are."""
    return b"".join(b"data: " + (e if isinstance(e, bytes) else json.dumps(e).encode()) + b"\n\n" for e in events)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """An OpenAI chunk."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "theirs-0613"}
    return base | {"choices": [choice]} | fields


ROLE = chunk({"role": "assistant", "content": ""})
STOP = chunk({}, "stop")
USAGE = chunk(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9})


def completion(message: dict[str, Any] | None = None, finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """An OpenAI answer."""
    base = {"role": "assistant", "content": "Hello", "refusal": None}
    choice = {"index": 0, "message": base | (message or {}), "logprobs": None, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "theirs-0613"}
    return head | {"choices": [choice], "usage": usage} | fields
