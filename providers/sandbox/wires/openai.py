"""OpenAI's chat completions, as OpenAI's server speaks them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from providers.found import FoundModel
from providers.sandbox.embedding import Embedded, Embeds
from providers.sandbox.openai_embeddings import read_embeds, written
from providers.sandbox.openai_parts import error_of, image_at
from providers.sandbox.prompts import (
    Prompt,
    Role,
    ToolSpec,
    ToolUse,
    Turn,
    orphan_tool_result,
    unanswered_tool_use,
)
from providers.sandbox.replies import Exchange, Reply, Trouble, Usage, invalid
from providers.sandbox.responses.form import Responses
from providers.sandbox.wires.base import Event, EventKind, Form, Page, Wire, encoded, listed

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

MOST_CHOICES = 128  # as at OpenAI: each is made in turn, and whoever asked for a million would stop the sandbox


class OpenAI(Wire):
    name = "openai"
    base_path = "/v1"
    chat_paths = frozenset({"/chat/completions"})
    answer_key = content_key = "choices"
    embeddings_key = "data"
    usage_fields = frozenset({"usage"})
    usage_counts = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
    unable = "Invalid parameter: '{what}' is not supported with this model."

    def __init__(self) -> None:
        self._responses = Responses()

    def form(self, path: str, query: Mapping[str, str]) -> Form | None:
        return self._responses if path == "/responses" else super().form(path, query)

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        if not isinstance(body.get("model"), str):
            raise invalid("you must provide a model parameter", "model")
        messages = listed(body, "messages", invalid("'messages' must be a list of objects.", "messages"))
        if not messages:
            raise invalid("Missing required parameter: 'messages'.", "messages")
        stop = body.get("stop") or ()
        return Prompt(
            model=body["model"],
            turns=_turns(messages),
            stream=bool(body.get("stream")),
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            n=_choices(body),
            seed=int(body.get("seed") or 0),
            tools=tuple(_tools(body)),
            tool_choice=_tool_choice(body.get("tool_choice")),
            parallel=body.get("parallel_tool_calls") is not False,
            schema=_schema(body),
            thinking=body.get("reasoning_effort") not in (None, "none"),
        )

    def whole(self, exchange: Exchange) -> dict[str, Any]:
        choices = [
            {"index": at, "message": _message(reply), "logprobs": None, "finish_reason": reply.finish_word}
            for at, reply in enumerate(exchange.replies)
        ]
        return _envelope(exchange, "chat.completion", choices) | {"usage": self.usage(exchange.usage)}

    def events(self, exchange: Exchange) -> list[Event]:
        out = []
        for at, reply in enumerate(exchange.replies):
            for kind, delta in _deltas(reply):
                out.append(_chunk(exchange, kind, at, delta, reply.finish_word if kind == "finish" else None))
        if exchange.prompt.include_usage:
            payload = _envelope(exchange, "chat.completion.chunk", []) | {"usage": self.usage(exchange.usage)}
            out.append(Event("usage", payload))
        return [*out, Event("end", b"[DONE]")]

    def refusal(self, trouble: Trouble) -> dict[str, Any]:
        return {"error": error_of(trouble)}

    def error_event(self, trouble: Trouble) -> Event:
        return Event("error", self.refusal(trouble))

    def encode(self, event: Event) -> bytes:
        return b"data: " + encoded(event.payload) + b"\n\n"

    def embeds(self, path: str, body: Mapping[str, Any]) -> Embeds | None:
        return read_embeds(body) if path == "/embeddings" else None

    def embedded(self, asked: Embeds, made: Embedded) -> dict[str, Any]:
        return written(asked, made)

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        if method != "GET" or not path.startswith("/models"):
            return None
        rows = {model.upstream_model: self.row(model) for model in models}
        if path == "/models":
            return Page({"object": "list", "data": list(rows.values())})
        name = path.removeprefix("/models/")
        if name not in rows:
            raise Trouble("not_found", f"The model '{name}' does not exist", status=404, param="model")
        return Page(rows[name])

    def row(self, model: FoundModel) -> dict[str, Any]:
        """A model in the listing."""
        owner = "neuroroute-sandbox"
        return {"id": model.upstream_model, "object": "model", "created": 1735689600, "owned_by": owner}

    def usage(self, usage: Usage) -> dict[str, Any]:
        return {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "total_tokens": usage.prompt + usage.completion,
            "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": usage.audio_input},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
        }

    def presented_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")


def _turns(messages: list[dict[str, Any]]) -> tuple[Turn, ...]:
    turns = tuple(_turn(message, f"messages[{at}]") for at, message in enumerate(messages))
    if orphan_tool_result(turns) is not None:
        message = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
        raise invalid(f"Invalid parameter: {message}", "messages")
    unanswered = unanswered_tool_use(turns)
    if unanswered is not None:
        message = "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
        raise invalid(f"{message} 'tool_call_id'. Not answered: {unanswered}", "messages")
    return turns


def _turn(message: dict[str, Any], where: str) -> Turn:
    role = ROLES.get(message.get("role") or "")
    if role is None:
        raise invalid(
            f"Invalid value: '{message.get('role')}'. Supported values are: {sorted(ROLES)}.", f"{where}.role"
        )
    content = message.get("content")
    parts: list[dict[str, Any]] = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    return Turn(
        role,
        "".join(part.get("text") or "" for part in parts),
        tuple(
            image_at(part["image_url"]["url"], f"{where}.content") for part in parts if part.get("type") == "image_url"
        ),
        tuple(_tool_use(call) for call in message.get("tool_calls") or []),
        message.get("tool_call_id") or "",
    )


def _tool_use(call: dict[str, Any]) -> ToolUse:
    function = call.get("function") or {}
    return ToolUse(function.get("name") or "", function.get("arguments") or "", call.get("id") or "")


def _choices(body: Mapping[str, Any]) -> int:
    n = int(body.get("n") or 1)
    if n > MOST_CHOICES:
        raise invalid(
            f"Invalid 'n': integer above maximum value. Expected a value <= {MOST_CHOICES}, but got {n} instead.",
            "n",
            "integer_above_max_value",
        )
    return n


def _tools(body: Mapping[str, Any]) -> Iterator[ToolSpec]:
    for tool in listed(body, "tools", invalid("'tools' must be a list of objects.", "tools")):
        if tool.get("type") != "function" or "name" not in tool.get("function", {}):
            raise invalid("Invalid value: 'tools' must hold functions with a name.", "tools")
        function = tool["function"]
        yield ToolSpec(function["name"], function.get("description") or "", function.get("parameters") or {})


def _tool_choice(choice: Any) -> str:
    if isinstance(choice, dict):
        return choice.get("function", {}).get("name", "required")
    return choice or "auto"


def _schema(body: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return wanted["json_schema"].get("schema") or {}
    if wanted.get("type") != "json_object":
        return None
    if b"json" not in msgspec.json.encode(body["messages"]).lower():
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise invalid(message, "messages")
    return {}


def _message(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if not reply.tool_uses:
        message["content"] = reply.text
    else:
        message["tool_calls"] = [
            {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": use.arguments_text}}
            for use in reply.tool_uses
        ]
    if reply.thoughts:
        message["reasoning_content"] = "".join(reply.thoughts)
    return message


def _deltas(reply: Reply) -> Iterator[tuple[EventKind, dict[str, Any]]]:
    yield "start", {"role": "assistant", "content": None if reply.tool_uses else "", "refusal": None}
    for thought in reply.thoughts:
        yield "content", {"reasoning_content": thought}
    for piece in reply.pieces:
        yield "content", {"content": piece}
    for at, use in enumerate(reply.tool_uses):
        head = {"index": at, "id": use.id, "type": "function", "function": {"name": use.name, "arguments": ""}}
        yield "content", {"tool_calls": [head]}
        for part in _halves(use.arguments_text):
            yield "content", {"tool_calls": [{"index": at, "function": {"arguments": part}}]}
    yield "finish", {}


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]


def _envelope(exchange: Exchange, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{exchange.id}",
        "object": kind,
        "created": exchange.created,
        "model": exchange.model,
        "system_fingerprint": "fp_sandbox",
        "choices": choices,
    }


def _chunk(exchange: Exchange, kind: EventKind, at: int, delta: dict[str, Any], finish: str | None) -> Event:
    choice = {"index": at, "delta": delta, "logprobs": None, "finish_reason": finish}
    payload = _envelope(exchange, "chat.completion.chunk", [choice])
    return Event(kind, payload | {"usage": None} if exchange.prompt.include_usage else payload)
