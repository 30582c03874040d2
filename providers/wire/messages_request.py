"""How is a chat said in Anthropic's Messages? https://docs.claude.com/en/api/messages

System texts move to the top, tool results into user messages, neighbours of the same role become one.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from providers.chat import ChatBody, ChatRequest, FunctionSpec, Message, Part, ToolCall
from providers.errors import InvalidRequest, UnsupportedByWire
from providers.targets import Target
from providers.wire.fitting import longest
from providers.wire.images import inline
from providers.wire.limits import object_of, plain_text, settled, unknown_fields
from providers.wire.messages_schema import held_schema
from providers.wire.signatures import bare
from providers.wire.thinking import thinking

DEFAULT_MAX_TOKENS: Final = 4096  # Messages demands a limit; every Claude model can write this much
SYSTEM: Final = frozenset({"system", "developer"})
NATIVE: Final = frozenset({"top_k", "thinking"})  # Anthropic's own fields, which OpenAI clients send along
UNSUPPORTED: Final = frozenset(
    {"n", "logprobs", "custom_tools", "functions", "audio", "audio_output"}
    | {"seed", "presence_penalty", "frequency_penalty", "logit_bias"}
)
CHOICES: Final = {"auto": "auto", "none": "none", "required": "any"}
NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")
SAY_JSON: Final = "Answer with one valid JSON object and nothing else."
PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
MOST_STRICT: Final = 20  # tools of one request
NO_PARAMETERS: Final = {"type": "object", "properties": {}}

Block = dict[str, Any]


def messages_request(request: ChatRequest, target: Target) -> tuple[dict[str, Any], list[str]]:
    """The body and what had to be dropped; raises `UnsupportedByWire` for what the wire cannot carry."""
    body = request.body
    unknown = unknown_fields(request)
    warnings = [f"{name} dropped" for name in unknown if name not in NATIVE]
    warnings += settled(body, target, UNSUPPORTED)
    fields: dict[str, Any] = {
        "model": target.upstream_model,
        "max_tokens": longest(request, target, warnings) or target.max_output or DEFAULT_MAX_TOKENS,
        "messages": _messages(body.messages),
    }
    if request.stream:
        fields["stream"] = True
    if system := "\n".join(text for text in _system(body, warnings) if text.strip()):
        fields["system"] = system
    if body.user:
        fields["metadata"] = {"user_id": body.user}
    lost: set[str] = set()  # words of JSON schemas
    fields |= _sampling(body, warnings) | _tools(body, lost, warnings) | _format(body, lost)
    if lost:
        warnings.append(f"of JSON schemas only described: {', '.join(sorted(lost))}")
    fields |= {name: msgspec.json.decode(unknown[name]) for name in NATIVE & unknown.keys()}
    return thinking(fields, body.reasoning_effort, target, warnings), warnings


def _system(body: ChatBody, warnings: list[str]) -> Iterator[str]:
    """Every system text; a JSON object without a schema can be asked for in words only."""
    yield from (plain_text(message.content) for message in body.messages if message.role in SYSTEM)
    if (body.response_format or {}).get("type") == "json_object":
        warnings.append("response_format json_object asked for in words")
        yield SAY_JSON


def _sampling(body: ChatBody, warnings: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if body.temperature is not None:
        fields["temperature"] = min(max(body.temperature, 0.0), 1.0)
        if fields["temperature"] != body.temperature:
            warnings.append(f"temperature clamped to {fields['temperature']:g}")
    if body.top_p is not None and "temperature" in fields:
        warnings.append("top_p dropped: temperature is set, and the model takes one of them")
    elif body.top_p is not None:
        fields["top_p"] = body.top_p
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    said = [stop for stop in stops if stop.strip()]
    if len(said) < len(stops):
        warnings.append("stop sequences of white space dropped")
    return fields | ({"stop_sequences": said} if said else {})


def _tools(body: ChatBody, lost: set[str], warnings: list[str]) -> dict[str, Any]:
    functions = [tool.function for tool in body.tools or () if tool.type == "function" and tool.function]
    if not functions:
        return {}
    holds = sum(bool(function.strict) for function in functions) <= MOST_STRICT
    if not holds:
        warnings.append(f"strict dropped: of more than {MOST_STRICT} tools")
    fields: dict[str, Any] = {"tools": [_tool(function, holds, lost) for function in functions]}
    choice = _tool_choice(body.tool_choice)
    if body.parallel_tool_calls is False and choice.get("type") != "none":
        choice = {"type": "auto"} | choice | {"disable_parallel_tool_use": True}
    return fields | ({"tool_choice": choice} if choice else {})


def _tool(function: FunctionSpec, holds: bool, lost: set[str]) -> Block:
    """A tool; `holds`: its calls are held to its schema where the caller asks for that."""
    schema, strict = function.parameters or NO_PARAMETERS, bool(function.strict) and holds
    said: Block = {"name": function.name, "input_schema": held_schema(schema, lost) if strict else schema}
    if function.description:
        said["description"] = function.description
    return said | ({"strict": True} if strict else {})


def _tool_choice(choice: str | dict[str, Any] | None) -> Block:
    if choice is None:
        return {}
    if isinstance(choice, str) and choice in CHOICES:
        return {"type": CHOICES[choice]}
    function = choice.get("function") if isinstance(choice, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise UnsupportedByWire("this wire has no such tool_choice", param="tool_choice")
    return {"type": "tool", "name": function["name"]}


def _format(body: ChatBody, lost: set[str]) -> dict[str, Any]:
    wanted = body.response_format or {}
    if wanted.get("type") in (None, "text", "json_object"):
        return {}
    schema = wanted.get("json_schema")
    if wanted["type"] != "json_schema" or not isinstance(schema, dict) or not isinstance(schema.get("schema"), dict):
        raise UnsupportedByWire("this wire has no such response_format", param="response_format")
    return {"output_config": {"format": {"type": "json_schema", "schema": held_schema(schema["schema"], lost)}}}


def _messages(messages: list[Message]) -> list[Block]:
    """Turns of alternating roles; tool results stand first in theirs, as they must answer the turn before."""
    turns: list[Block] = []
    for message in messages:
        blocks = [] if message.role in SYSTEM else list(_blocks(message))
        role = "assistant" if message.role == "assistant" else "user"
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    if not turns or turns[0]["role"] != "user":
        raise UnsupportedByWire("on this wire a conversation starts with a user's message", param="messages")
    for turn in turns:
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    _trim_prefill(turns[-1])
    return turns


def _trim_prefill(turn: Block) -> None:
    """The beginning of an answer may not end with white space."""
    last = turn["content"][-1]
    if turn["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()


def _blocks(message: Message) -> Iterator[Block]:
    match message.role:
        case "user":
            yield from _parts(message.content)
        case "assistant":
            yield from _parts(message.content or message.refusal)
            yield from (_tool_use(call) for call in message.tool_calls or ())
        case "tool":
            content = list(_parts(message.content))
            block = {"type": "tool_result", "tool_use_id": _id(message.tool_call_id)}
            yield block | ({"content": content} if content else {})
        case _:
            raise UnsupportedByWire(f"this wire has no messages of role {message.role}", param="messages")


def _parts(content: str | list[Part] | None) -> Iterator[Block]:
    """Content blocks; Anthropic refuses text of white space only."""
    parts = content if isinstance(content, list) else [Part("text", text=content)]
    for part in parts:
        if part.type in ("text", "refusal"):
            text = part.text or part.refusal or ""
            if text.strip():
                yield {"type": "text", "text": text}
        else:
            yield _picture(part) if part.type == "image_url" else _document(part)


def _picture(part: Part) -> Block:
    url = part.image_url.url if part.image_url else ""
    found = inline(url)
    if found is not None and found.media_type not in PICTURES:
        raise UnsupportedByWire(f"this wire does not take pictures of type {found.media_type}", param="messages")
    if found is not None:
        return {"type": "image", "source": {"type": "base64", "media_type": found.media_type, "data": found.data}}
    return {"type": "image", "source": {"type": "url", "url": url}}


def _document(part: Part) -> Block:
    data = (part.file or {}).get("file_data")
    found = inline(data) if isinstance(data, str) else None
    if found is None or found.media_type != "application/pdf":
        raise UnsupportedByWire(f"this wire does not take such a part: {part.type}", param="messages")
    return {"type": "document", "source": {"type": "base64", "media_type": found.media_type, "data": found.data}}


def _tool_use(call: ToolCall) -> Block:
    if call.function is None or not call.function.name:
        raise InvalidRequest("a tool call of the conversation has no function", param="messages")
    arguments = object_of(call.function.arguments)
    return {"type": "tool_use", "id": _id(call.id), "name": call.function.name, "input": arguments}


def _id(given: str | None) -> str:
    """Ids of other vendors' calls may hold characters that Anthropic refuses."""
    return NOT_IN_ID.sub("_", bare(given)) or "call"
