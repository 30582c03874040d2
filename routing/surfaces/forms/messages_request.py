"""How is a Messages body said as a chat? Its settings; `messages_turns` has the conversation."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec

from providers.chat import ChatBody, FunctionSpec, Tool
from routing.errors import InvalidBody
from routing.surfaces.forms.messages_body import Format, MessagesBody, ToolChoice, decode_body, unread
from routing.surfaces.forms.messages_turns import Conversation

CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
LONGEST_USER: Final = 64  # characters that OpenAI takes; Claude Code's are longer
BUDGETS: Final = ((4096, "low"), (16384, "medium"))  # tokens of thinking below which an effort is meant
CACHE_MARK: Final = b'"cache_control"'


class Translated(msgspec.Struct):
    """The chat, what binds it to who served it, and what it cannot carry."""

    body: ChatBody
    marks: tuple[str, ...]
    lost: tuple[str, ...]
    elsewhere: bool


def chat_of(raw: bytes) -> Translated:
    """Read a Messages body; raises `msgspec.DecodeError`, `msgspec.ValidationError`, `UnicodeDecodeError`,
    `InvalidBody`."""
    said = decode_body(raw)
    if said.max_tokens is not None and said.max_tokens < 1:  # by the caller's name for it: a chat's is another
        raise InvalidBody(f"max_tokens: {said.max_tokens} is below the smallest value, 1", param="max_tokens")
    talk = Conversation(said)
    body = ChatBody(
        model=said.model,
        messages=talk.messages,
        stream=said.stream,
        max_completion_tokens=said.max_tokens,
        temperature=said.temperature,
        top_p=said.top_p,
        stop=said.stop_sequences or None,
        reasoning_effort=_effort(said),
        response_format=_response_format(said),
        user=_user(said),
    )
    lost = [*talk.lost, *_set_tools(body, said), *(f"{name} dropped" for name in unread(raw))]
    if CACHE_MARK in raw and "cache_control dropped" not in lost:
        lost.append("cache_control dropped")
    return Translated(body, tuple(talk.marks), tuple(lost), talk.elsewhere)


def _set_tools(body: ChatBody, said: MessagesBody) -> Iterator[str]:
    """Give the chat its functions and the choice among them; say which tools it does not know."""
    for tool in said.tools or ():
        if tool.type in (None, "custom"):
            function = FunctionSpec(tool.name, tool.description, tool.input_schema or {}, tool.strict)
            body.tools = [*(body.tools or ()), Tool("function", function)]
        else:
            yield f"tool {tool.type} dropped"
    choice = said.tool_choice
    if choice is None or not body.tools:
        return
    body.tool_choice = _choice(choice, {tool.function.name for tool in body.tools if tool.function})
    if body.tool_choice is None:
        yield f"tool_choice {choice.name or choice.type} dropped"
    if choice.disable_parallel_tool_use:
        body.parallel_tool_calls = False


def _choice(choice: ToolChoice, names: set[str]) -> str | dict[str, Any] | None:
    if choice.type == "tool":
        return {"type": "function", "function": {"name": choice.name}} if choice.name in names else None
    return CHOICES.get(choice.type)


def _effort(said: MessagesBody) -> str | None:
    thinking = said.thinking
    if thinking is not None and thinking.type == "disabled":
        return None
    if said.output_config is not None and said.output_config.effort:
        return said.output_config.effort
    if thinking is None or thinking.budget_tokens is None:
        return None  # an adaptive model decides by itself, and so does everyone else
    return next((effort for below, effort in BUDGETS if thinking.budget_tokens < below), "high")


def _response_format(said: MessagesBody) -> dict[str, Any] | None:
    wanted: Format | None = said.output_config.format if said.output_config else None
    wanted = wanted or said.output_format
    if wanted is None or wanted.type != "json_schema" or wanted.schema is None:
        return None
    named = {"name": "answer", "schema": wanted.schema}
    return {"type": "json_schema", "json_schema": named | ({"strict": True} if is_strict(wanted.schema) else {})}


def is_strict(schema: Any) -> bool:
    """Whether OpenAI takes the schema as strict: every object closed, every property required."""
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        names = set(properties or ())
        if schema.get("additionalProperties") is not False or names != set(schema.get("required") or ()):
            return False
    return all(map(is_strict, schema.values()))


def _user(said: MessagesBody) -> str | None:
    """The caller's user; a long id becomes its digest, which is as stable."""
    user = said.metadata.user_id if said.metadata else None
    return sha256(user.encode()).hexdigest() if user and len(user) > LONGEST_USER else user
