"""How OpenAI's server reads a Responses request, and what it refuses."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from providers.sandbox.prompts import Prompt, ToolSpec, Turn
from providers.sandbox.replies import Trouble, invalid
from providers.sandbox.responses.kept import Item, Kept
from providers.sandbox.responses.turns import check_reasoning, items_of, turns_of
from providers.sandbox.wires.base import listed

_FIELDS: Final = (
    "model input instructions tools tool_choice parallel_tool_calls text reasoning include store stream stream_options "
    "previous_response_id conversation max_output_tokens max_tool_calls temperature top_p top_logprobs metadata user "
    "safety_identifier prompt_cache_key prompt_cache_options prompt_cache_retention prompt truncation service_tier "
    "background context_management moderation access_programs client_metadata"
)
FIELDS: Final = frozenset(_FIELDS.split())
LEAST_TOKENS: Final = 16


def read_prompt(body: Mapping[str, Any], kept: Kept) -> Prompt:
    """The prompt of a Responses request; raises `Trouble` in the server's words."""
    _refuse_fields(body)
    items = all_items(body, kept)
    check_reasoning(items, body["model"].partition("!")[0], kept)
    instructions = body.get("instructions")
    turns = turns_of(items)
    tools = tuple(_tools(body))
    return Prompt(
        model=body["model"],
        turns=(Turn("system", instructions), *turns) if instructions else turns,
        stream=bool(body.get("stream")),
        max_tokens=body.get("max_output_tokens"),
        tools=tools,
        tool_choice=_tool_choice(body.get("tool_choice"), {tool.name for tool in tools}),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=_schema(body),
        thinking=(body.get("reasoning") or {}).get("effort") not in (None, "none"),
        body=body,
    )


def all_items(body: Mapping[str, Any], kept: Kept) -> list[Item]:
    """Everything that was said before the answer: the previous response's items and the new ones."""
    return kept.before(body.get("previous_response_id")) + items_of(body.get("input") or [], kept)


def _refuse_fields(body: Mapping[str, Any]) -> None:
    for field in body:
        if field not in FIELDS:
            raise invalid(f"Unknown parameter: '{field}'.", field, "unknown_parameter")
    if not isinstance(body.get("model"), str):
        raise _missing("model")
    if not body.get("input") and not body.get("previous_response_id"):
        message = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."
        raise invalid(message, None, "missing_required_parameter")
    limit = body.get("max_output_tokens")
    if limit is not None and limit < LEAST_TOKENS:
        message = f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {limit}"
        raise invalid(f"{message} instead.", "max_output_tokens", "integer_below_min_value")


def _missing(param: str) -> Trouble:
    return invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def _tools(body: Mapping[str, Any]) -> Iterator[ToolSpec]:
    """The functions; tools that OpenAI runs itself, and whole namespaces of tools, are never called here."""
    for at, tool in enumerate(listed(body, "tools", invalid("'tools' must be a list of objects.", "tools"))):
        if tool.get("type") == "function":
            if "name" not in tool:
                raise _missing(f"tools[{at}].name")
            yield ToolSpec(tool["name"], tool.get("description") or "", tool.get("parameters") or {})
        elif not tool.get("type"):
            raise _missing(f"tools[{at}].type")


def _tool_choice(choice: Any, names: set[str]) -> str:
    if not isinstance(choice, dict):
        return choice or "auto"
    if choice.get("type") == "allowed_tools":
        return choice.get("mode") or "auto"
    if choice.get("type") != "function":
        return "auto"
    if "name" not in choice:
        raise _missing("tool_choice.name")
    if choice["name"] not in names:
        raise invalid(f"Tool choice '{choice['name']}' not found in 'tools' parameter.", "tool_choice")
    return str(choice["name"])


def _schema(body: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        for field in ("name", "schema"):
            if field not in wanted:
                raise _missing(f"text.format.{field}")
        return dict(wanted["schema"])
    if wanted.get("type") != "json_object":
        return None
    if b"json" not in msgspec.json.encode(body.get("input")).lower():
        message = "Response input messages must contain the word 'json' in some form to use 'text.format' of type"
        raise invalid(f"{message} 'json_object'.", "input")
    return {}
