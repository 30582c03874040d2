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
from providers.wire.images import is_picture
from providers.wire.limits import unknown_fields
from providers.wire.passing import GOOGLE
from tenants.callers import BudgetSpec, Caller
from tenants.pockets import Need

TEMPLATE_TOKENS: Final = 1000  # what vendors add on their own, for tools above all
ATTACHMENT_TOKENS: Final = 50_000  # a picture that stands behind an address; the dearest known counts 48,169
UNKNOWN_PROMPT_TOKENS: Final = 1_000_000  # of a conversation or a document that an upstream keeps
CACHED: Final = (
    b"cached_content",
    b"\\",
)  # Google's name of a prompt that it keeps, or one that is not spelled plainly
BOUNDED: Final = frozenset({"image_url", "input_audio", "file", "refusal"})  # parts that fetch no more than a picture
GEMINI: Final = "gemini"  # the wire of who takes a picture's address for whatever stands there: an hour of video
COMPACTS: Final = b'"compact'  # Anthropic's edits of a context that have it summarized first, which is billed as well
SAFETY: Final = 2  # times the expected prompt: single ones are off by more than a model's average
UNKNOWN_ANSWER_TOKENS: Final = 32_768  # where neither the caller nor the deployment says how long an answer may be


def applying(caller: Caller, tags: tuple[str, ...]) -> tuple[BudgetSpec, ...]:
    """The budgets that a request with these tags counts against."""
    return tuple([spec for spec in caller.budgets if not spec.tag or spec.tag in tags])


def worst_case(request: Request, target: Target, expected: int = 0, *, handed: int = 0) -> Need:
    """What an attempt may use up; `expected` is the prompt's calibrated estimate. `handed`: bytes of what
    was answered before, with which its prompt ends."""
    if request.operation == CountRequest.operation:
        return Need(target.name, target.price, 0, 0)
    if not isinstance(request, ChatRequest):
        return Need(target.name, target.price, max(len(request.raw), SAFETY * expected), 0)
    parts, answer = _attachments(request), longest_answer(request, target, expected)
    prompt = max(_longest_prompt(request, target, parts), SAFETY * expected) + handed
    if target.context is not None:
        prompt = min(prompt, target.context)
    times = 2 if request.surface == "messages" and COMPACTS in request.native else 1
    images = sum(part.type == "image_url" for part in parts)
    return Need(target.name, target.price, times * prompt, times * answer, images)


def _attachments(request: ChatRequest) -> list[Part]:
    lists = (message.content for message in request.body.messages if isinstance(message.content, list))
    return [part for parts in lists for part in parts if part.type != "text"]


def _longest_prompt(request: ChatRequest, target: Target, parts: list[Part]) -> int:
    if request.continues or _is_elsewhere(request, target, parts):
        return target.context or UNKNOWN_PROMPT_TOKENS
    return max(len(request.raw), len(request.native)) + TEMPLATE_TOKENS + ATTACHMENT_TOKENS * len(parts)


def _is_elsewhere(request: ChatRequest, target: Target, parts: list[Part]) -> bool:
    """Whether the upstream keeps or fetches a part of the prompt: a whole book, for all that its name says."""
    kept = request.elsewhere or any(message.audio is not None for message in request.body.messages)
    return kept or any(_is_fetched(part, target) for part in parts) or _is_cached(request, target)


def _is_cached(request: ChatRequest, target: Target) -> bool:
    """Whether the prompt goes on with one that Google keeps: its servers read that in `extra_body`."""
    if target.wire != GEMINI and GOOGLE not in target.base_url:
        return False
    extra = unknown_fields(request).get("extra_body")
    return extra is not None and any(mark in bytes(extra) for mark in CACHED)


def _is_fetched(part: Part, target: Target) -> bool:
    if part.type == "file":
        return "file_data" not in (part.file or {})
    if part.type == "image_url" and target.wire == GEMINI:
        return not is_picture(part.image_url.url if part.image_url else "")
    return part.type not in BOUNDED


def longest_answer(request: Request, target: Target, expected: int = 0) -> int:
    """Tokens that an answer may have: what the target is asked for at most, or can write."""
    if not isinstance(request, ChatRequest):
        return 0
    able = target.max_output or target.context or UNKNOWN_ANSWER_TOKENS
    each = min(request.max_output, able) if request.max_output else able
    if not request.max_output and target.max_output and held_output(request, target, expected) is None:
        each = max(able, target.context or 0)
    return each * (request.body.n or 1)


def held_output(request: Request, target: Target, expected: int) -> int | None:
    """The limit to ask for where the caller sets none: what is held for. None: there is none, or the prompt could leave
    too little room for it, and servers refuse a limit that does not fit."""
    if not isinstance(request, ChatRequest) or request.max_output or target.max_output is None:
        return None
    fits = target.context is None or SAFETY * expected + target.max_output <= target.context
    return target.max_output if fits else None
