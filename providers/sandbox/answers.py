"""What a model of the sandbox answers: tool calls, JSON or text, deterministic and made from the prompt."""

import re
from zlib import crc32

import msgspec

from providers.found import FoundModel
from providers.sandbox.facts import Facts
from providers.sandbox.prompts import Prompt, Turn
from providers.sandbox.replies import Reply
from providers.sandbox.sayings import saying
from providers.sandbox.schemas import instance
from providers.sandbox.tokens import pieces
from providers.sandbox.tool_choices import tool_uses


def reply_to(prompt: Prompt, model: FoundModel, at: int) -> Reply:
    """Answer number `at` to the prompt."""
    if not prompt.turns:
        return Reply()
    thoughts = tuple(pieces(_thought(prompt))) if prompt.thinking and "reasoning" in model.capabilities else ()
    uses = tool_uses(prompt, at)
    if uses:
        return Reply((), thoughts, uses, "tool_calls")
    return _limited(prompt, _text(prompt, at), thoughts)


def _thought(prompt: Prompt) -> str:
    return (
        f"The last question has {len(prompt.question.split())} words. A script answers it, so there is little to think."
    )


def _text(prompt: Prompt, at: int) -> str:
    if prompt.schema is not None:
        return msgspec.json.encode(_object(prompt)).decode()
    results = [turn for turn in prompt.turns if turn.role == "tool"]
    if results and prompt.turns[-1].role == "tool":
        quoted = " ".join(f"{_tool_name(prompt, turn)} says: {turn.text[:400]}." for turn in results)
        return f"Sandbox text, played as {prompt.plain_model}: {quoted}"
    text = saying(prompt, crc32(f"{prompt.seed} {at} {prompt.question}".encode()))
    begun = prompt.turns[-1].text if prompt.turns[-1].role == "assistant" else ""
    return text.removeprefix(begun)


def _tool_name(prompt: Prompt, result: Turn) -> str:
    uses = [use for turn in prompt.turns for use in turn.tool_uses]
    return next((use.name for use in uses if use.id == result.answers_to), result.answers_to or "the tool")


def _object(prompt: Prompt) -> object:
    """An instance of the schema; where any object will do, one with the keys that the question quotes."""
    facts = Facts(prompt.question)
    if prompt.schema:
        return instance(prompt.schema, facts)
    keys = re.findall(r"[\"'`](\w+)[\"'`]", prompt.question)
    schema = {"type": "object", "properties": {key: {"type": "string"} for key in keys or ["answer"]}}
    return instance(schema, facts)


def _limited(prompt: Prompt, text: str, thoughts: tuple[str, ...]) -> Reply:
    """The answer as far as the stop sequences and the caller's limit let it go."""
    places = [(text.find(stop), stop) for stop in prompt.stop if stop in text]
    stopped_at = min(places)[1] if places else None
    said = tuple(pieces(text[: min(places)[0]] if places else text))
    if prompt.max_tokens is not None and len(thoughts) + len(said) > prompt.max_tokens:
        room = max(prompt.max_tokens - len(thoughts), 0)
        return Reply(said[:room], thoughts[: prompt.max_tokens], (), "length")
    return Reply(said, thoughts, (), "stop", stopped_at)
