"""How Gemini writes answers: candidates with their parts, and counts that grow with each chunk."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from providers.sandbox.gemini.prompts import shows_thoughts
from providers.sandbox.gemini.signatures import LAX, Signatures
from providers.sandbox.prompts import ToolUse
from providers.sandbox.replies import Exchange, Reply, Usage
from providers.sandbox.tokens import use_tokens
from providers.sandbox.wires.base import Event

FINISHES: Final = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
MALFORMED: Final = "MALFORMED_FUNCTION_CALL"  # what is told of a call whose arguments are no object
Part = dict[str, Any]


def whole(exchange: Exchange, signatures: Signatures) -> dict[str, Any]:
    """The JSON answer."""
    candidates = []
    for at, reply in enumerate(exchange.replies):
        parts = _whole_parts(exchange, reply, signatures)
        candidates.append(_candidate(at, parts) | _finish(reply))
    return _response(exchange, candidates, exchange.usage)


def events(exchange: Exchange, signatures: Signatures) -> list[Event]:
    """The streamed answer: a chunk per part, then each candidate's last one with its finish reason."""
    out: list[Event] = []
    usage = Usage(exchange.usage.prompt, 0, exchange.usage.cached)
    for at, reply in enumerate(exchange.replies):
        for part, tokens in _parts(exchange, reply, signatures):
            usage = _grown(usage, part, tokens, exchange.usage)
            out.append(Event("content", _response(exchange, [_candidate(at, [part])], usage)))
        ending = {"text": ""} if reply.tool_uses else _signed({"text": ""}, exchange, signatures)
        last = _candidate(at, [ending]) | _finish(reply)
        out.append(Event("finish", _response(exchange, [last], exchange.usage)))
    return out


def blocked(exchange: Exchange, reason: str) -> dict[str, Any]:
    """The answer to a prompt that the filter refuses: no candidate, but the reason."""
    usage = Usage(exchange.usage.prompt, 0, exchange.usage.cached)
    return {"promptFeedback": {"blockReason": reason}} | _frame(exchange, usage)


def _response(exchange: Exchange, candidates: list[dict[str, Any]], usage: Usage) -> dict[str, Any]:
    return {"candidates": candidates} | _frame(exchange, usage)


def _frame(exchange: Exchange, usage: Usage) -> dict[str, Any]:
    return {
        "usageMetadata": usage_metadata(usage),
        "modelVersion": exchange.model,
        "responseId": exchange.id[:22],
    }


def usage_metadata(usage: Usage) -> dict[str, Any]:
    """The counts as Gemini tells them: thoughts beside the candidates' tokens, the cached within the prompt's."""
    counts: dict[str, Any] = {
        "promptTokenCount": usage.prompt,
        "totalTokenCount": usage.prompt + usage.completion,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.prompt - usage.audio_input}],
    }
    if usage.audio_input:
        counts["promptTokensDetails"].append({"modality": "AUDIO", "tokenCount": usage.audio_input})
    optional = {
        "candidatesTokenCount": usage.completion - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "cachedContentTokenCount": usage.cached,
    }
    return counts | {name: count for name, count in optional.items() if count}


def _candidate(at: int, parts: list[Part]) -> dict[str, Any]:
    """A candidate; where nothing was said its content has no parts, as Gemini leaves them out."""
    content = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    return {"content": content, "index": at}


def _finish(reply: Reply) -> dict[str, Any]:
    if any(_object(use) is None for use in reply.tool_uses):
        return {"finishReason": reply.finish_as or MALFORMED, "finishMessage": "Malformed function call"}
    return {"finishReason": reply.finish_as or FINISHES[reply.finish]}


def _whole_parts(exchange: Exchange, reply: Reply, signatures: Signatures) -> list[Part]:
    """The parts with neighbouring texts put together; the last text carries the signature."""
    parts: list[Part] = []
    if reply.thoughts and shows_thoughts(exchange.prompt):
        parts.append({"text": "".join(reply.thoughts), "thought": True})
    if reply.pieces:
        text: Part = {"text": reply.text}
        parts.append(text if reply.tool_uses else _signed(text, exchange, signatures))
    return [*parts, *_calls(exchange, reply, signatures)]


def _parts(exchange: Exchange, reply: Reply, signatures: Signatures) -> Iterator[tuple[Part, int]]:
    """Each part as it is streamed, and the tokens that it took."""
    shown = shows_thoughts(exchange.prompt)
    for thought in reply.thoughts:
        if shown:
            yield {"text": thought, "thought": True}, 1
    for piece in reply.pieces:
        yield {"text": piece}, 1
    for part, use in zip(_calls(exchange, reply, signatures), reply.tool_uses, strict=False):
        yield part, use_tokens(use)


def _calls(exchange: Exchange, reply: Reply, signatures: Signatures) -> list[Part]:
    """A part per call; the first is signed, the ones beside it are not. A malformed call is told of, not shown."""
    parts: list[Part] = []
    for use in reply.tool_uses:
        arguments = _object(use)
        if arguments is None:
            return []
        shown = ToolUse(use.name, arguments, use.name if exchange.model.startswith(LAX) else use.id)
        call = {"name": use.name, "args": arguments}
        part: Part = {"functionCall": call if exchange.model.startswith(LAX) else {"id": use.id} | call}
        if not parts and _thought(exchange):
            part["thoughtSignature"] = signatures.of_use(exchange.model, shown)
        parts.append(part)
    return parts


def _object(use: ToolUse) -> dict[str, Any] | None:
    """The arguments as an object, None where they are none."""
    if isinstance(use.arguments, dict):
        return use.arguments
    try:
        return msgspec.json.decode(use.arguments or "{}", type=dict[str, Any])
    except msgspec.MsgspecError:
        return None


def _signed(part: Part, exchange: Exchange, signatures: Signatures) -> Part:
    return part | ({"thoughtSignature": signatures.of_text(exchange.model)} if _thought(exchange) else {})


def _thought(exchange: Exchange) -> bool:
    return exchange.prompt.thinking or any(reply.thoughts for reply in exchange.replies)


def _grown(usage: Usage, part: Part, tokens: int, end: Usage) -> Usage:
    """The counts after one more part; hidden thoughts are counted with the first."""
    reasoning = min(usage.reasoning + tokens, end.reasoning) if part.get("thought") else end.reasoning
    said = usage.completion - usage.reasoning + (0 if part.get("thought") else tokens)
    completion = min(said + reasoning, end.completion)
    return msgspec.structs.replace(usage, completion=completion, reasoning=min(reasoning, completion))
