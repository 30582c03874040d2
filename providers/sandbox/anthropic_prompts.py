"""How Anthropic's server reads a Messages request, and what it refuses."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from providers.sandbox.prompts import (
    Image,
    Prompt,
    ToolSpec,
    ToolUse,
    Turn,
    orphan_tool_result,
    unanswered_tool_use,
)
from providers.sandbox.replies import invalid
from providers.sandbox.wires.base import listed

_FIELDS: Final = (
    "model messages max_tokens system metadata stop_sequences stream temperature top_k top_p tools tool_choice "
    "thinking service_tier container context_management mcp_servers output_config output_format inference_geo "
    "cache_control speed diagnostics billing_policy compaction fallbacks fallback_credit_token thread user_profile_id"
)
FIELDS: Final = frozenset(_FIELDS.split())
ROLES: Final = frozenset({"user", "assistant", "system"})  # the last one within a conversation only
CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}


def read_prompt(body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
    """The prompt of a Messages request; raises `Trouble` in the server's words."""
    _refuse_fields(body, headers)
    _refuse_values(body)
    choice = body.get("tool_choice") or {"type": "auto"}
    turns = _turns(body)
    return Prompt(
        model=body["model"],
        turns=turns,
        stream=bool(body.get("stream")),
        max_tokens=body["max_tokens"],
        stop=tuple(body.get("stop_sequences") or ()),
        tools=tuple(_tools(body)),
        tool_choice=choice.get("name") or CHOICES[choice["type"]],
        parallel=not choice.get("disable_parallel_tool_use"),
        schema=_schema(body),
        thinking=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
        caching="marked" if any(turn.cached for turn in turns) else "none",
    )


def _refuse_fields(body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    if "anthropic-version" not in headers:
        raise invalid("anthropic-version: header is required")
    for field in ("model", "messages", "max_tokens"):
        if field not in body:
            raise invalid(f"{field}: Field required")
    for field in body:
        if field not in FIELDS:
            raise invalid(f"{field}: Extra inputs are not permitted")


def _refuse_values(body: Mapping[str, Any]) -> None:
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        raise invalid("max_tokens: Input should be greater than or equal to 1")
    if not 0 <= (body.get("temperature") or 0) <= 1:
        raise invalid("temperature: range: 0..1")
    if any(not sequence.strip() for sequence in body.get("stop_sequences") or ()):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")


def _turns(body: Mapping[str, Any]) -> tuple[Turn, ...]:
    messages = listed(body, "messages", invalid("messages: Input should be a valid list"))
    if not messages:
        raise invalid("messages: at least one message is required")
    if messages[0].get("role") != "user":
        raise invalid('messages: first message must use the "user" role')
    turns = [turn for at, message in enumerate(messages) for turn in _turns_of(message, f"messages.{at}")]
    system = _blocks(body.get("system") or "", "system")
    if system:
        turns.insert(0, Turn("system", _text(system), cached=_marked(system)))
    _refuse_torn(tuple(turns))
    return tuple(turns)


def _turns_of(message: dict[str, Any], where: str) -> Iterator[Turn]:
    """The turns of one message: a tool result is a turn of its own."""
    role = message.get("role")
    if role not in ROLES:
        raise invalid(f'{where}: Unexpected role "{role}". Allowed roles are "user" or "assistant".')
    blocks = _blocks(message.get("content") or "", where)
    if not blocks:
        raise invalid(f"{where}: all messages must have non-empty content")
    rest = []
    for block in blocks:
        if block["type"] != "tool_result":
            rest.append(block)
            continue
        if rest:
            yield _turn(role, rest)
            rest = []
        text = _text(_blocks(block.get("content") or "", where))
        yield Turn("tool", text, answers_to=block["tool_use_id"], cached=_marked([block]))
    if rest:
        yield _turn(role, rest)


def _turn(role: Any, blocks: list[dict[str, Any]]) -> Turn:
    uses = [ToolUse(b["name"], b["input"], b["id"]) for b in blocks if b["type"] == "tool_use"]
    images = [_image(block["source"]) for block in blocks if block["type"] == "image"]
    return Turn(role, _text(blocks), tuple(images), tuple(uses), cached=_marked(blocks))


def _blocks(content: Any, where: str) -> list[dict[str, Any]]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
    if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
        raise invalid(f"{where}: text content blocks must contain non-whitespace text")
    return blocks


def _text(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(block["text"] for block in blocks if block["type"] == "text")


def _marked(blocks: list[dict[str, Any]]) -> Literal["", "5m", "1h"]:
    marks = [block["cache_control"] for block in blocks if block.get("cache_control")]
    if any(mark.get("ttl") == "1h" for mark in marks):
        return "1h"
    return "5m" if marks else ""


def _image(source: dict[str, Any]) -> Image:
    if source["type"] != "base64":
        return Image("image/*", None)
    try:
        return Image(source["media_type"], len(base64.b64decode(source["data"], validate=True)))
    except binascii.Error:
        raise invalid("messages: image: invalid base64 data") from None


def _refuse_torn(turns: tuple[Turn, ...]) -> None:
    orphan = orphan_tool_result(turns)
    if orphan is not None:
        raise invalid(f"messages: unexpected `tool_use_id` found in `tool_result` blocks: {orphan}.")
    unanswered = unanswered_tool_use(turns)
    if unanswered is not None:
        raise invalid(
            f"messages: `tool_use` ids were found without `tool_result` blocks immediately after: {unanswered}."
        )


def _tools(body: Mapping[str, Any]) -> Iterator[ToolSpec]:
    for tool in listed(body, "tools", invalid("tools: Input should be a valid list")):
        if "input_schema" in tool:  # the vendor's own tools have none
            yield ToolSpec(tool["name"], tool.get("description") or "", tool["input_schema"])


def _schema(body: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format")
    return wanted["schema"] if wanted else None
