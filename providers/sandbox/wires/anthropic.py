"""Anthropic's Messages, as Anthropic's server speaks them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec

from providers.found import FoundModel
from providers.sandbox.anthropic_prompts import read_prompt
from providers.sandbox.prompts import Prompt, ToolUse
from providers.sandbox.replies import Exchange, Reply, Trouble, TroubleKind, Usage
from providers.sandbox.tokens import prompt_tokens
from providers.sandbox.wires.base import Event, EventKind, Page, Wire, encoded

ERRORS: Final[Mapping[str, str]] = {
    "invalid": "invalid_request_error",
    "context": "invalid_request_error",
    "content": "invalid_request_error",
    "auth": "authentication_error",
    "forbidden": "permission_error",
    "not_found": "not_found_error",
    "rate_limit": "rate_limit_error",
    "quota": "billing_error",
    "server": "api_error",
    "unavailable": "api_error",
    "overloaded": "overloaded_error",
    "timeout": "timeout_error",
}
MESSAGES: Final[Mapping[str, str]] = {
    "context": "prompt is too long: 250000 tokens > 200000 maximum",
    "content": "Output blocked by content filtering policy",
    "auth": "invalid x-api-key",
    "quota": "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
}
STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
SIGNATURE: Final = "c2FuZGJveC10aGlua2luZy1zaWduYXR1cmU="


class Anthropic(Wire):
    name = "anthropic"
    base_path = "/v1"
    chat_paths = frozenset({"/messages"})
    answer_key = "content"
    content_key = "delta"
    usage_fields = frozenset({"usage"})
    usage_counts = frozenset({"input_tokens", "output_tokens", "cache_read_input_tokens"})
    request_id_header = "request-id"
    statuses: ClassVar[Mapping[TroubleKind, int]] = {"quota": 402}
    unable = "messages: {what} is not supported by {model}"

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        return read_prompt(body, headers)

    def whole(self, exchange: Exchange) -> dict[str, Any]:
        reply = exchange.replies[0]
        return _message(exchange, _usage(exchange.usage)) | {
            "content": [block for block, _ in _blocks(reply)],
            "stop_reason": _stop_reason(reply),
            "stop_sequence": reply.stopped_at,
        }

    def events(self, exchange: Exchange) -> list[Event]:
        reply = exchange.replies[0]
        start = _message(exchange, _usage(exchange.usage) | {"output_tokens": 1})
        out = [_event("start", "message_start", message=start)]
        for index, (block, deltas) in enumerate(_blocks(reply)):
            out.append(_event("frame", "content_block_start", index=index, content_block=_opened(block)))
            if index == 0:
                out.append(_event("frame", "ping"))
            out += [_event("content", "content_block_delta", index=index, delta=delta) for delta in deltas]
            out.append(_event("frame", "content_block_stop", index=index))
        end = {"stop_reason": _stop_reason(reply), "stop_sequence": reply.stopped_at}
        return [
            *out,
            _event("finish", "message_delta", delta=end, usage=_usage(exchange.usage)),
            _event("end", "message_stop"),
        ]

    def refusal(self, trouble: Trouble) -> dict[str, Any]:
        message = (
            trouble.message if trouble.kind in ("invalid", "not_found") else MESSAGES.get(trouble.kind, trouble.message)
        )
        error = {"type": ERRORS[trouble.kind], "message": message}
        return {"type": "error", "error": error, "request_id": "req_sandbox"}

    def error_event(self, trouble: Trouble) -> Event:
        return Event("error", self.refusal(trouble), "error")

    def encode(self, event: Event) -> bytes:
        return f"event: {event.name}\ndata: ".encode() + encoded(event.payload) + b"\n\n"

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        if (method, path) == ("POST", "/messages/count_tokens"):
            prompt = read_prompt({"max_tokens": 1, **body}, {"anthropic-version": "not asked for here"})
            return Page({"input_tokens": prompt_tokens(prompt)})
        if method != "GET" or not path.startswith("/models"):
            return None
        rows = {model.upstream_model: _model_row(model) for model in models}
        if path == "/models":
            names = list(rows)
            return Page({"data": list(rows.values()), "has_more": False, "first_id": names[0], "last_id": names[-1]})
        name = path.removeprefix("/models/")
        if name not in rows:
            raise Trouble("not_found", f"model: {name}", status=404)
        return Page(rows[name])

    def presented_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


def _message(exchange: Exchange, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{exchange.id}",
        "type": "message",
        "role": "assistant",
        "model": exchange.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    hour = usage.cache_write_1h
    return {
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write - hour,
            "ephemeral_1h_input_tokens": hour,
        },
        "input_tokens": usage.prompt - usage.cached - usage.cache_write,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    }


def _stop_reason(reply: Reply) -> str:
    return reply.finish_as or ("stop_sequence" if reply.stopped_at is not None else STOP_REASONS[reply.finish])


def _blocks(reply: Reply) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each content block as a whole, and the deltas that it is streamed in."""
    if reply.thoughts:
        deltas = [{"type": "thinking_delta", "thinking": thought} for thought in reply.thoughts]
        block = {"type": "thinking", "thinking": "".join(reply.thoughts), "signature": SIGNATURE}
        yield block, [*deltas, {"type": "signature_delta", "signature": SIGNATURE}]
    if reply.pieces:
        deltas = [{"type": "text_delta", "text": piece} for piece in reply.pieces]
        yield {"type": "text", "text": reply.text}, deltas
    for use in reply.tool_uses:
        yield {"type": "tool_use", "id": use.id, "name": use.name, "input": _input(use)}, list(_input_deltas(use))


def _input(use: ToolUse) -> Any:
    return use.arguments if isinstance(use.arguments, dict) else {}


def _input_deltas(use: ToolUse) -> Iterator[dict[str, Any]]:
    """The arguments in two pieces of JSON after an empty one; a tool without arguments sends the empty one only."""
    yield {"type": "input_json_delta", "partial_json": ""}
    if not use.arguments:
        return
    text = use.arguments if isinstance(use.arguments, str) else msgspec.json.encode(use.arguments).decode()
    for part in (text[: len(text) // 2], text[len(text) // 2 :]):
        yield {"type": "input_json_delta", "partial_json": part}


def _opened(block: dict[str, Any]) -> dict[str, Any]:
    """The block as `content_block_start` shows it: still empty."""
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {key: empty.get(key, value) for key, value in block.items()}


def _event(kind: EventKind, name: str, **fields: Any) -> Event:
    return Event(kind, {"type": name, **fields}, name)


def _model_row(model: FoundModel) -> dict[str, Any]:
    return {
        "id": model.upstream_model,
        "type": "model",
        "display_name": model.upstream_model.replace("-", " ").title(),
        "created_at": "2025-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": model.context,
        "max_tokens": model.max_output,
    }
