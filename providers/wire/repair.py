"""What may be wrong with an OpenAI answer and still be understood? Ids, types, nulls, arguments that are objects.

These functions take a decoded JSON object and return it as `providers.wire.strict` expects it; a field that they do
not know stays as it came. What cannot be understood is a `BadUpstreamResponse`.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from providers.errors import BadUpstreamResponse, Overloaded
from providers.wire.finishes import openai_finish
from providers.wire.refusals import refusal_inside
from providers.wire.toolcalls import minted_id

T = TypeVar("T")
SERVICE_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
UNKNOWN_INDEX: Final = -1  # of a tool call; `providers.wire.toolcalls` finds its place
NO_REASON: Final = "the upstream reported an error without a reason"
BROKEN_OFF: Final = frozenset({"error", "insufficient_system_resource", "abort"})  # OpenRouter, DeepSeek, vLLM


def chunk(payload: Any) -> dict[str, Any]:
    """A `chat.completion.chunk`; raises the `ProviderError` that the payload may be instead."""
    whole = _envelope(payload, "chat.completion.chunk")
    if "choices" not in whole and (isinstance(whole.get("usage"), dict) or "x_groq" in whole):
        whole["choices"] = []
    whole["choices"] = [_chunk_choice(choice, at) for at, choice in enumerate(_choices(whole))]
    return whole


def answer(payload: Any) -> dict[str, Any]:
    """A `chat.completion`; raises the `ProviderError` that the payload may be instead."""
    whole = _envelope(payload, "chat.completion")
    whole["choices"] = [_choice(choice, at) for at, choice in enumerate(_choices(whole))]
    if not whole["choices"]:
        raise BadUpstreamResponse("the answer has no choices")
    if not isinstance(whole.get("usage"), dict):
        whole.pop("usage", None)
    return whole


def _envelope(payload: Any, kind: str) -> dict[str, Any]:
    if isinstance(payload, list) and payload and isinstance(payload[0], dict) and payload[0].get("error"):
        raise refusal_inside(payload)
    if not isinstance(payload, dict):
        raise BadUpstreamResponse("the answer is not a JSON object")
    if payload.get("error"):
        raise refusal_inside(payload)
    whole = payload | {
        "id": payload["id"] if isinstance(payload.get("id"), str) else "",
        "object": kind,
        "created": _integer(payload.get("created")),
        "model": payload["model"] if isinstance(payload.get("model"), str) else "",
    }
    _keep_if(whole, "system_fingerprint", lambda value: isinstance(value, str))
    _keep_if(whole, "service_tier", lambda value: value in SERVICE_TIERS)
    _keep_if(whole, "x_groq", lambda value: isinstance(value, dict))
    _keep_if(whole, "usage", lambda value: value is None or isinstance(value, dict))
    _keep_if(whole, "error", lambda value: False)
    return whole


def _choices(whole: dict[str, Any]) -> list[dict[str, Any]]:
    choices = whole.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise BadUpstreamResponse("the answer has no choices")
    return choices


def _chunk_choice(choice: dict[str, Any], at: int) -> dict[str, Any]:
    delta = choice.get("delta") or choice.get("message") or {}
    if not isinstance(delta, dict):
        raise BadUpstreamResponse("a choice's delta is not an object")
    delta = _message(delta)
    if delta.get("role") != "assistant":
        delta.pop("role", None)
    if "tool_calls" in delta:
        delta["tool_calls"] = [_fragment(call) for call in delta["tool_calls"]]
    kept = {name: value for name, value in choice.items() if name != "message"}
    finish = choice.get("finish_reason")
    return kept | {
        "index": _index(choice.get("index"), at),
        "delta": delta,
        "finish_reason": _finish(finish) if isinstance(finish, str) and finish else None,
    }


def _choice(choice: dict[str, Any], at: int) -> dict[str, Any]:
    message = choice.get("message")
    if not isinstance(message, dict):
        raise BadUpstreamResponse("a choice has no message")
    message = {"content": None, "refusal": None} | _message(message) | {"role": "assistant"}
    if "tool_calls" in message:
        message["tool_calls"] = _with_own_ids([_call(call) for call in message["tool_calls"]])
    if not message.get("tool_calls"):
        message.pop("tool_calls", None)
    finish = choice.get("finish_reason")
    called = "tool_calls" if "tool_calls" in message else "stop"
    return choice | {
        "index": _index(choice.get("index"), at),
        "message": message,
        "finish_reason": _finish(finish) if isinstance(finish, str) and finish else called,
        "logprobs": choice.get("logprobs"),
    }


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """What deltas and messages have in common."""
    message = dict(message)
    if isinstance(message.get("content"), list):
        message |= _flattened(message["content"])
    if not isinstance(message.get("content"), str | None):
        raise BadUpstreamResponse("the content is neither text nor null")
    for name in ("refusal", "reasoning_content", "reasoning"):
        _keep_if(message, name, lambda value: value is None or isinstance(value, str))
    for name in ("function_call", "audio"):
        _keep_if(message, name, lambda value: isinstance(value, dict))
    _keep_if(message, "annotations", lambda value: isinstance(value, list))
    _keep_if(message, "tool_calls", lambda value: value is not None)
    calls = message.get("tool_calls", [])
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise BadUpstreamResponse("the tool calls are not a list of objects")
    return with_reasoning(message)


def with_reasoning(message: dict[str, Any]) -> dict[str, Any]:
    """A message or delta with `reasoning_content` beside `reasoning`, as Groq, OpenRouter and newer vLLM spell it."""
    if not message.get("reasoning") or message.get("reasoning_content"):
        return message
    return message | {"reasoning_content": message["reasoning"]}


def _flattened(parts: list[Any]) -> dict[str, Any]:
    """Mistral's content parts: `text`, and `thinking` with text parts of its own."""
    texts = {"text": "", "thinking": ""}
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in texts:
            raise BadUpstreamResponse("a content part is of an unknown type")
        inner = part.get(kind)
        inner = "".join(str(piece.get("text", "")) for piece in inner) if isinstance(inner, list) else inner
        texts[kind] += inner if isinstance(inner, str) else ""
    thought = {"reasoning_content": texts["thinking"]} if texts["thinking"] else {}
    return {"content": texts["text"]} | thought


def _fragment(call: dict[str, Any]) -> dict[str, Any]:
    fixed = dict(call)
    fixed["index"] = _index(call.get("index"), UNKNOWN_INDEX)
    _keep_if(fixed, "type", lambda value: value == "function")
    if call.get("id") is None or call["id"] == "":
        fixed.pop("id", None)
    else:
        fixed["id"] = str(call["id"])
    function = call.get("function")
    if isinstance(function, dict):
        fixed["function"] = _function(function)
    else:
        fixed.pop("function", None)
    return fixed


def _call(call: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in call.items() if name != "index"}
    if call.get("type") == "custom":
        return kept | {"id": str(call.get("id") or minted_id())}
    function = call.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise BadUpstreamResponse("a tool call has no name")
    function = {"arguments": "{}"} | _function(function)
    return kept | {"id": str(call.get("id") or minted_id()), "type": "function", "function": function}


def _with_own_ids(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same calls; one whose id another has already gets a new one."""
    seen: set[str] = set()
    for call in calls:
        if call["id"] in seen:
            call["id"] = minted_id()
        seen.add(call["id"])
    return calls


def _function(function: dict[str, Any]) -> dict[str, Any]:
    fixed = dict(function)
    _keep_if(fixed, "name", lambda value: isinstance(value, str) and value != "")
    arguments = function.get("arguments")
    if isinstance(arguments, dict | list):
        fixed["arguments"] = msgspec.json.encode(arguments).decode()
    elif not isinstance(arguments, str):
        fixed.pop("arguments", None)
    return fixed


def _finish(word: str) -> str:
    if word in BROKEN_OFF:
        raise Overloaded(NO_REASON, upstream_status=200)
    return openai_finish(word)


def _integer(value: Any) -> int:
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 53
    return int(value) if number else 0


def _index(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _keep_if(fields: dict[str, Any], name: str, right: Callable[[Any], bool]) -> None:
    if name in fields and not right(fields[name]):
        del fields[name]
