"""How a prompt and a step become an exchange: what is said, and what it costs in tokens."""

import time
import uuid

from providers.found import FoundModel
from providers.sandbox.answers import reply_to
from providers.sandbox.prompts import Prompt, ToolUse
from providers.sandbox.replies import Exchange, Reply, Trouble, Usage
from providers.sandbox.steps import Step
from providers.sandbox.tokens import IMAGE_TOKENS, count, pieces

TOKENS_PER_TURN = 4


def exchange(prompt: Prompt, model: FoundModel, step: Step) -> Exchange:
    """Answer the prompt as `model` would, or as the step says; raises `Trouble` where the vendor would refuse."""
    prompt_tokens = tokens_of(prompt)
    if model.context is not None and prompt_tokens > model.context:
        raise Trouble("context", _too_long(prompt_tokens, model.context), status=400, param="messages")
    replies = (_scripted(step),) if step.speaks else tuple(reply_to(prompt, model, at) for at in range(prompt.n))
    named = prompt.model.partition("!")[0]
    usage = _usage(prompt_tokens, replies, step)
    return Exchange(uuid.uuid4().hex, int(time.time()), named, prompt, replies, usage)


def tokens_of(prompt: Prompt) -> int:
    """The tokens of a whole prompt: its turns, images and tools."""
    return sum(_turn_tokens(prompt)) + sum(
        count(f"{tool.name} {tool.description} {tool.schema}") for tool in prompt.tools
    )


def _turn_tokens(prompt: Prompt) -> list[int]:
    return [
        TOKENS_PER_TURN
        + count(turn.text)
        + IMAGE_TOKENS * len(turn.images)
        + sum(count(f"{use.name}{use.arguments}") for use in turn.tool_uses)
        for turn in prompt.turns
    ]


def _too_long(tokens: int, context: int) -> str:
    return (
        f"This model's maximum context length is {context} tokens. However, your messages resulted in {tokens} tokens. "
        "Please reduce the length of the messages."
    )


def _scripted(step: Step) -> Reply:
    said = step.pieces if step.pieces is not None else tuple(pieces(step.text or ""))
    uses = tuple(
        ToolUse(call.name, call.arguments, call.id or f"call_{at}_{uuid.uuid4().hex[:16]}")
        for at, call in enumerate(step.tool_calls)
    )
    return Reply(said, tuple(pieces(step.reasoning)), uses, step.finish or ("tool_calls" if uses else "stop"))


def _usage(prompt_tokens: int, replies: tuple[Reply, ...], step: Step) -> Usage:
    if step.usage is not None:
        return Usage(**{"prompt": prompt_tokens, "completion": 0} | step.usage)
    reasoning = sum(len(reply.thoughts) for reply in replies)
    said = sum(
        len(reply.pieces) + sum(count(f"{use.name}{use.arguments}") for use in reply.tool_uses) for reply in replies
    )
    return Usage(prompt_tokens, said + reasoning, reasoning=reasoning)
