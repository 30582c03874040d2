"""How a prompt and a step become an exchange: what is said, and what it costs in tokens."""

import time
import uuid
from dataclasses import replace

from msgspec import structs

from providers.found import FoundModel
from providers.sandbox.answers import reply_to
from providers.sandbox.prompt_cache import PromptCache
from providers.sandbox.prompts import Prompt, ToolUse
from providers.sandbox.replies import Exchange, Reply, Trouble, Usage, invalid
from providers.sandbox.steps import Step
from providers.sandbox.tokens import pieces, prompt_tokens, turn_tokens, use_tokens
from providers.sandbox.wires.base import Form


def exchange(form: Form, prompt: Prompt, model: FoundModel, step: Step, cache: PromptCache) -> Exchange:
    """Answer the prompt as `model` would, or as the step says; raises `Trouble` where the vendor would refuse."""
    _refuse_unable(form, prompt, model)
    prompt = _in_window(prompt, model)
    tokens = prompt_tokens(prompt)
    if model.context is not None and tokens > model.context:
        raise Trouble("context", _too_long(tokens, model.context), status=400, param="messages")
    replies = (
        (_scripted(step, prompt.prefill),)
        if step.speaks
        else tuple(reply_to(prompt, model, at) for at in range(prompt.n))
    )
    cached, written = cache.read(prompt)
    written_1h = written if any(turn.cached == "1h" for turn in prompt.turns) else 0
    usage = _usage(replies, step, Usage(tokens, 0, cached, written, cache_write_1h=written_1h))
    seconds = ((model.ttft_ms or 0) / 1000, usage.completion / (model.tokens_per_s or 1000))
    return Exchange(uuid.uuid4().hex, int(time.time()), prompt.plain_model, prompt, replies, usage, seconds)


def _refuse_unable(form: Form, prompt: Prompt, model: FoundModel) -> None:
    embeds = "embeddings" in model.capabilities
    needed = {"chat": embeds, "vision": prompt.images, "tools": prompt.tools, "json_schema": prompt.schema}
    for what, wanted in needed.items():
        if wanted and what not in model.capabilities:
            raise invalid(form.unable.format(model=prompt.plain_model, what=what), param=what)
    most = None if prompt.window else model.max_output
    if prompt.max_tokens and most and prompt.max_tokens > most:
        raise invalid(
            f"max_tokens is too large: {prompt.max_tokens}. This model supports at most {most}.", "max_tokens"
        )


def _in_window(prompt: Prompt, model: FoundModel) -> Prompt:
    """The prompt without the oldest turns that do not fit, where the wire drops them in silence."""
    if prompt.window is None:
        return prompt
    left = min(prompt.window, model.context or prompt.window)
    kept = [turn for turn in prompt.turns if turn.role == "system"]
    left -= sum(turn_tokens(turn) for turn in kept)
    for turn in reversed([turn for turn in prompt.turns if turn.role != "system"]):
        left -= turn_tokens(turn)
        if left < 0 and turn is not prompt.turns[-1]:
            break
        kept.append(turn)
    return replace(prompt, turns=tuple(turn for turn in prompt.turns if turn in kept))


def _too_long(tokens: int, context: int) -> str:
    return (
        f"This model's maximum context length is {context} tokens. However, your messages resulted in {tokens} tokens. "
        "Please reduce the length of the messages."
    )


def _scripted(step: Step, prefill: str) -> Reply:
    said = step.pieces if step.pieces is not None else tuple(pieces(step.text or ""))
    said = _going_on(said, prefill) if prefill else said
    uses = tuple(
        ToolUse(call.name, call.arguments, call.id or f"call_{at}_{uuid.uuid4().hex[:16]}")
        for at, call in enumerate(step.tool_calls)
    )
    finish = step.finish or ("tool_calls" if uses else "stop")
    return Reply(said, tuple(pieces(step.reasoning)), uses, finish, finish_as=step.finish_as)


def _going_on(said: tuple[str, ...], begun: str) -> tuple[str, ...]:
    """The rest of the answer where the prompt brings its beginning, as a model goes on with it."""
    if not "".join(said).startswith(begun):
        return said
    left = len(begun)
    rest = []
    for piece in said:
        if left < len(piece):
            rest.append(piece[left:])
        left = max(left - len(piece), 0)
    return tuple(rest)


def _usage(replies: tuple[Reply, ...], step: Step, read: Usage) -> Usage:
    reasoning = sum(len(reply.thoughts) for reply in replies)
    said = sum(len(reply.pieces) + sum(use_tokens(use) for use in reply.tool_uses) for reply in replies)
    if step.usage is not None:
        return Usage(**{"prompt": read.prompt, "completion": said + reasoning} | step.usage)
    return structs.replace(read, completion=said + reasoning, reasoning=reasoning)
