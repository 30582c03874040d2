"""What does a Responses body ask of a chat? The same as JSON of the chat's own form, and what it cannot say there."""

from typing import Any, Final

import msgspec

from providers.chat import ChatBody
from providers.wire.responses_request import CAPABILITY
from providers.wire.signatures import signed_marks
from routing.errors import InvalidBody
from routing.surfaces.base import Read
from routing.surfaces.forms.responses_body import ResponsesBody, body_of, unknown_names
from routing.surfaces.forms.responses_input import Conversation
from routing.surfaces.forms.responses_tools import ToolNames

ROUTERS: Final = frozenset({"models", "provider", "preferences", "neuroroute"})
_chat: Final = msgspec.json.Decoder(ChatBody).decode

Json = dict[str, Any]


def read_request(raw: bytes) -> Read:
    """Raises `msgspec.ValidationError`, `msgspec.DecodeError`, `InvalidBody`."""
    body = body_of(raw)
    _check(body)
    names = ToolNames(body.tools or ())
    talk = Conversation(names)
    talk.read(body)
    fields = _fields(body) | _tools(body, names, talk.lost) | {"messages": talk.messages}
    references = talk.references + _kept_elsewhere(body)
    if not talk.messages and not references and body.prompt is None:
        lost = f": {', '.join(talk.lost)}" if talk.lost else ""
        raise InvalidBody(f"input: must not be empty{lost}", param="input")
    _note_losses(body, names, talk.lost)
    needs = talk.needs | ({CAPABILITY} if references or body.prompt is not None else set())
    raw_chat = msgspec.json.encode(fields)
    chat = _chat(raw_chat)
    return Read(
        chat,
        raw_chat,
        marks=tuple(mark for _, mark in references) or signed_marks(chat) + tuple(talk.marks),
        warnings=(*talk.lost, *(f"{name} dropped" for name in unknown_names(raw, ROUTERS))),
        needs=frozenset(needs),
        continues=references[-1][0] if references else None,
        elsewhere=talk.elsewhere or body.prompt is not None,
    )


def _check(body: ResponsesBody) -> None:
    if body.max_output_tokens is not None and body.max_output_tokens < 1:
        raise InvalidBody(
            f"max_output_tokens: {body.max_output_tokens} is below the smallest value, 1", param="max_output_tokens"
        )
    if body.background:
        raise InvalidBody("background: not possible here: nothing is kept to be fetched later", param="background")


def _kept_elsewhere(body: ResponsesBody) -> list[tuple[str, str]]:
    """What only the upstream that answered before can go on with: the field and the id in it."""
    found = []
    conversation = body.conversation.get("id") if isinstance(body.conversation, dict) else body.conversation
    if conversation:
        found.append(("conversation", str(conversation)))
    if body.previous_response_id:
        found.append(("previous_response_id", body.previous_response_id))
    return found


def _fields(body: ResponsesBody) -> Json:
    """The fields of a chat that have one in Responses to come from."""
    effort = body.reasoning.effort if body.reasoning else None
    said = {
        "model": body.model,
        "stream": body.stream,
        "max_completion_tokens": body.max_output_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "logprobs": True if body.wants_logprobs else None,
        "top_logprobs": body.top_logprobs or None,
        "reasoning_effort": effort,
        "response_format": _format(body),
        "verbosity": body.text.verbosity if body.text else None,
        "user": body.user or body.safety_identifier,
    }
    return {name: value for name, value in said.items() if value is not None}


def _format(body: ResponsesBody) -> Json | None:
    form = body.text.format if body.text else None
    if form is None or form.get("type") in (None, "text"):
        return None
    if form["type"] != "json_schema":
        return {"type": form["type"]}
    if not isinstance(form.get("schema"), dict) or not isinstance(form.get("name"), str):
        raise InvalidBody("text.format: a json_schema needs name and schema", param="text.format")
    kept = ("name", "description", "schema", "strict")
    return {"type": "json_schema", "json_schema": {k: form[k] for k in kept if form.get(k) is not None}}


def _tools(body: ResponsesBody, names: ToolNames, lost: dict[str, None]) -> Json:
    choice = names.choice(body.tool_choice)
    if choice is None and body.tool_choice is not None:
        lost["tool_choice dropped"] = None
    if not names.functions:
        return {}
    fields: Json = {"tools": names.functions}
    if choice is not None:
        fields["tool_choice"] = choice
    if body.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = body.parallel_tool_calls
    return fields


def _note_losses(body: ResponsesBody, names: ToolNames, lost: dict[str, None]) -> None:
    """What a chat does not have, where it was asked for."""
    for kind in names.dropped:
        lost[f"tools of type {kind} dropped"] = None
    if body.truncation not in (None, "disabled"):
        lost["truncation dropped"] = None
    if body.store:
        lost["store dropped: nothing is kept"] = None
    if body.prompt_cache_key:
        lost["prompt_cache_key dropped"] = None
