"""How is a chat said to Ollama's /api/chat? https://docs.ollama.com/api/chat

Not to its /v1, which drops `num_ctx` and so truncates long prompts without a word.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from providers.chat import ChatBody, ChatRequest, Message, Part, ToolCall
from providers.errors import UnsupportedByWire
from providers.targets import Target
from providers.wire.fitting import longest
from providers.wire.images import inline
from providers.wire.limits import object_of, plain_text, settled, unknown_fields
from providers.wire.signatures import bare

BYTES_PER_TOKEN: Final = 3  # of prompts; English has four, and too large a window is better than a truncated prompt
TOKENS_PER_IMAGE: Final = 1500
TOKENS_PER_ANSWER: Final = 2048  # where nobody says how long it may be
SMALLEST_WINDOW: Final = 4096  # Ollama's own default; each other size reloads the model, so sizes are few
NATIVE: Final = frozenset({"top_k", "min_p", "repeat_penalty"})  # Ollama's own options, which clients send along
BESIDE: Final = frozenset({"keep_alive"})  # and what stands beside the options
OPTIONS: Final = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
UNSUPPORTED: Final = frozenset(
    {
        "n",
        "logprobs",
        "tool_choice",
        "custom_tools",
        "functions",
        "audio",
        "file",
        "audio_output",
        "parallel_tool_calls",
        "logit_bias",
    }
)
LEVELS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


def ollama_request(request: ChatRequest, target: Target) -> tuple[dict[str, Any], list[str]]:
    """The body and what had to be dropped; raises `UnsupportedByWire` for what the wire cannot carry."""
    body = request.body
    unknown = unknown_fields(request)
    warnings = [f"{name} dropped" for name in unknown if name not in NATIVE | BESIDE] + settled(
        body, target, UNSUPPORTED
    )
    messages = _messages(body.messages)
    fields: dict[str, Any] = {"model": target.upstream_model, "messages": messages, "stream": request.stream}
    fields |= _tools(body) | _format(body) | _think(body.reasoning_effort, target, warnings)
    fields |= {name: msgspec.json.decode(unknown[name]) for name in BESIDE & unknown.keys()}
    options = _options(request, target, fields, longest(request, target, warnings))
    options |= {name: msgspec.json.decode(unknown[name]) for name in NATIVE & unknown.keys()}
    return fields | ({"options": options} if options else {}), warnings


def window(needed: int, context: int) -> int:
    """The smallest of a few sizes that holds `needed` tokens, `context` at most."""
    size = SMALLEST_WINDOW
    while size < needed:
        size *= 2
    return min(size, context)


def _options(request: ChatRequest, target: Target, fields: dict[str, Any], limit: int | None) -> dict[str, Any]:
    body = request.body
    options = {name: value for name in OPTIONS if (value := getattr(body, name)) is not None}
    if body.stop:
        options["stop"] = [body.stop] if isinstance(body.stop, str) else body.stop
    if most := limit or target.max_output or target.context:  # left to itself it may write on for ten contexts
        options["num_predict"] = most
    if target.context:
        needed = _prompt_tokens(fields) + (limit or target.max_output or TOKENS_PER_ANSWER)
        options["num_ctx"] = window(needed, target.context)
    return options


def _prompt_tokens(fields: dict[str, Any]) -> int:
    """About how many tokens the prompt has, rather too many."""
    images = sum(len(message.get("images", ())) for message in fields["messages"])
    texts = [{name: value for name, value in message.items() if name != "images"} for message in fields["messages"]]
    size = len(msgspec.json.encode([texts, fields.get("tools")]))
    return size // BYTES_PER_TOKEN + images * TOKENS_PER_IMAGE


def _tools(body: ChatBody) -> dict[str, Any]:
    tools = [tool for tool in body.tools or () if tool.type == "function"]
    return {"tools": msgspec.to_builtins(tools)} if tools and body.tool_choice != "none" else {}


def _format(body: ChatBody) -> dict[str, Any]:
    wanted = body.response_format or {}
    match wanted.get("type"):
        case None | "text":
            return {}
        case "json_object":
            return {"format": "json"}
        case "json_schema" if isinstance(wanted.get("json_schema"), dict):
            return {"format": wanted["json_schema"].get("schema") or "json"}
    raise UnsupportedByWire("this wire has no such response_format", param="response_format")


def _think(effort: str | None, target: Target, warnings: list[str]) -> dict[str, Any]:
    if effort is None:
        return {}
    if "reasoning" not in target.capabilities or effort not in LEVELS:
        if effort != "none":
            warnings.append("reasoning_effort dropped")
        return {"think": False} if "reasoning" in target.capabilities and effort == "none" else {}
    # Of all models only gpt-oss takes a level; the others refuse one.
    return {"think": LEVELS[effort] if "gpt-oss" in target.upstream_model else True}


def _messages(messages: list[Message]) -> list[dict[str, Any]]:
    names = {
        call.id: call.function.name
        for message in messages
        for call in message.tool_calls or ()
        if call.id and call.function
    }
    return [_message(message, names) for message in messages]


def _message(message: Message, names: Mapping[str, str | None]) -> dict[str, Any]:
    role = "system" if message.role == "developer" else message.role
    said: dict[str, Any] = {"role": role, "content": _text(message.content)}
    if images := _images(message.content):
        said["images"] = images
    if message.tool_calls:
        said["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
    if message.reasoning_content and role == "assistant":
        said["thinking"] = message.reasoning_content
    if role == "tool":
        said["tool_name"] = names.get(message.tool_call_id or "") or message.name or ""
        said["tool_call_id"] = bare(message.tool_call_id)
    return said


def _text(content: str | list[Part] | None) -> str:
    if isinstance(content, list):
        content = [part for part in content if part.type != "image_url"]
    return plain_text(content)


def _images(content: str | list[Part] | None) -> list[str]:
    parts = content if isinstance(content, list) else []
    found = [inline(part.image_url.url if part.image_url else "") for part in parts if part.type == "image_url"]
    if None in found:
        raise UnsupportedByWire("this wire takes images as data URLs only", param="messages")
    return [image.data for image in found if image is not None]


def _tool_call(call: ToolCall) -> dict[str, Any]:
    name = (call.function and call.function.name) or ""
    arguments = object_of(call.function.arguments if call.function else None)
    return {"id": bare(call.id), "function": {"name": name, "arguments": arguments}}
