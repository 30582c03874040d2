"""How is a chat's answer said in Messages? A message in one piece, and the words that its events use as well."""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from providers.chat import Answer, ChatRequest, TokenUsage
from routing.surfaces.forms.messages_body import shows_thinking
from routing.surfaces.forms.messages_turns import arguments_of

CHARACTERS_PER_TOKEN: Final = 4
STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


class Function(Struct):
    name: str = ""
    arguments: str = ""


class Call(Struct):
    id: str = ""
    function: Function | None = None


class Message(Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Call] | None = None


class Choice(Struct):
    message: Message
    finish_reason: str | None = None


class Completion(Struct):
    """A `chat.completion`, as far as a message can say it."""

    id: str
    model: str
    choices: list[Choice]


_decode: Final = msgspec.json.Decoder(Completion).decode


def message_of(answer: Answer, request: ChatRequest) -> bytes:
    """The message that a whole answer is."""
    said = _decode(answer.data)
    choice = said.choices[0]
    content = _blocks(choice.message, shows_thinking(request.native))
    called = any(block["type"] == "tool_use" for block in content)
    usage = answer.usage or estimated_usage(request, answer.text_length)
    head = message_head(said.id, said.model, content)
    return msgspec.json.encode(
        head | {"stop_reason": stop_reason(choice.finish_reason, called), "usage": usage_of(usage)}
    )


def message_head(id: str, model: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    """A message that has not ended."""
    fields = {"id": id, "type": "message", "role": "assistant", "model": model, "content": content}
    return fields | {"stop_reason": None, "stop_sequence": None}


def stop_reason(finish: str | None, called: bool) -> str:
    """Anthropic's word; servers say "stop" where a forced tool call ended the answer."""
    return "tool_use" if called and finish == "stop" else STOP_REASONS.get(finish or "", "end_turn")


def usage_of(usage: TokenUsage) -> dict[str, Any]:
    """Anthropic's counts: `input_tokens` without what was read from or written to the cache."""
    counts: dict[str, Any] = {
        "input_tokens": usage.prompt - usage.cached - usage.cache_write - usage.cache_write_1h,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    }
    if usage.cache_write_1h:
        written = {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": usage.cache_write_1h}
        counts["cache_creation"] = written
    if usage.reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return counts


def estimated_usage(request: ChatRequest, characters: int) -> TokenUsage:
    """What clients of Messages demand and the upstream does not tell."""
    completion = characters // CHARACTERS_PER_TOKEN + 1 if characters else 0
    return TokenUsage(request.expected_prompt, completion, estimated=True)


def _blocks(message: Message, thinking: bool) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    thoughts = message.reasoning_content or message.reasoning
    if thoughts and thinking:
        blocks.append({"type": "thinking", "thinking": thoughts, "signature": ""})
    for text in (message.content, message.refusal):
        if text:
            blocks.append({"type": "text", "text": text})
    return blocks + [_tool_use(call, call.function) for call in message.tool_calls or () if call.function]


def _tool_use(call: Call, function: Function) -> dict[str, Any]:
    arguments: Raw = arguments_of(function.arguments)
    return {"type": "tool_use", "id": call.id, "name": function.name, "input": arguments}
