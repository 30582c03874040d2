"""What may one attempt cost at most? Pure: a request and a deployment in, the worst case in tokens and their price out.

The worst case must really be worst, or a hard budget could be overspent: a token has at least one byte, so a prompt has
at most as many tokens as its body has bytes, template and all. An upstream that was seen to count more than that raises
the bound.
"""

from typing import Final

from providers.chat import ChatRequest, Part
from providers.counting import CountRequest
from providers.requests import Request
from providers.targets import Target
from tenants.callers import BudgetSpec, Caller
from tenants.pockets import Need

TEMPLATE_TOKENS: Final = 1000  # what vendors add on their own, for tools above all
ATTACHMENT_TOKENS: Final = 50_000  # a picture that stands behind an address; the dearest known counts 48,169
UNKNOWN_PROMPT_TOKENS: Final = 1_000_000  # of a conversation or a document that an upstream keeps
CACHED: Final = b'"cached_content"'  # Google's name of a prompt that it keeps; in a text its quotes are escaped
SAFETY: Final = 2  # times the expected prompt: single ones are off by more than a model's average
UNKNOWN_ANSWER_TOKENS: Final = 32_768  # where neither the caller nor the deployment says how long an answer may be


def applying(caller: Caller, tags: tuple[str, ...]) -> tuple[BudgetSpec, ...]:
    """The budgets that a request with these tags counts against."""
    return tuple([spec for spec in caller.budgets if not spec.tag or spec.tag in tags])


def worst_case(request: Request, target: Target, expected: int = 0, *, continued: bool = False) -> Need:
    """What an attempt may use up; `expected` is the prompt's calibrated estimate. `continued`: the prompt ends with
    what was answered before."""
    if request.operation == CountRequest.operation:
        return Need(target.name, target.price, 0, 0)
    if not isinstance(request, ChatRequest):
        return Need(target.name, target.price, max(len(request.raw), SAFETY * expected), 0)
    parts, answer = _attachments(request), longest_answer(request, target)
    prompt = max(_longest_prompt(request, target, parts), SAFETY * expected) + (answer if continued else 0)
    if target.context is not None:
        prompt = min(prompt, target.context)
    return Need(target.name, target.price, prompt, answer, sum(part.type == "image_url" for part in parts))


def _attachments(request: ChatRequest) -> list[Part]:
    lists = (message.content for message in request.body.messages if isinstance(message.content, list))
    return [part for parts in lists for part in parts if part.type != "text"]


def _longest_prompt(request: ChatRequest, target: Target, parts: list[Part]) -> int:
    if request.continues or _is_elsewhere(request, parts):
        return target.context or UNKNOWN_PROMPT_TOKENS
    return max(len(request.raw), len(request.native)) + TEMPLATE_TOKENS + ATTACHMENT_TOKENS * len(parts)


def _is_elsewhere(request: ChatRequest, parts: list[Part]) -> bool:
    """Whether the upstream keeps or fetches a part of the prompt: a whole book, for all that its name says."""
    kept = any(part.type == "file" and "file_data" not in (part.file or {}) for part in parts)
    return kept or request.elsewhere or CACHED in request.raw


def longest_answer(request: Request, target: Target) -> int:
    """Tokens that an answer may have: what the target is asked for at most, or can write."""
    if not isinstance(request, ChatRequest):
        return 0
    able = target.max_output or target.context or UNKNOWN_ANSWER_TOKENS
    each = min(request.max_output, able) if request.max_output else able
    return each * (request.body.n or 1)
