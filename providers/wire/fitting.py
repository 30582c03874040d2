"""What of a request does an upstream take: how long an answer, in which of OpenAI's words, with which of its fields?

A caller of `auto` does not know whom it will reach; Claude Code asks for 32,000 tokens and an effort, whatever
answers. And budgets reckon with the longest answer that the deployment writes: it is never asked for a longer one.
"""

from typing import Final

import msgspec
from msgspec import Raw

from providers.chat import ChatRequest
from providers.habits import Habits
from providers.targets import Target
from providers.wire.conversation import taken

CHAT: Final = "chat"
MAX_TOKENS, MAX_COMPLETION_TOKENS = "max_tokens", "max_completion_tokens"
NAMES: Final = (MAX_COMPLETION_TOKENS, MAX_TOKENS)
LIMIT_FIELDS: Final = {"messages": MAX_TOKENS, "responses": "max_output_tokens"}  # by surface; a chat's has two
EFFORT: Final = "reasoning_effort"
SEED: Final = "seed"
DEARER: Final = {"service_tier": (Raw(b'"priority"'),), "speed": (Raw(b'"fast"'),)}  # OpenAI's and Anthropic's
OTHER_LIMITS: Final = {  # llama.cpp's and vLLM's: they outdo the one that is reckoned with
    "n_predict": "max_tokens is the limit of an answer",
    "best_of": "max_tokens is the limit of an answer",
    "n_cmpl": "n is the number of answers",
}
OUTDOING: Final = OTHER_LIMITS.keys() | DEARER.keys()
OF_TOOLS: Final = frozenset({"tools", "parallel_tool_calls", "tool_choice"})
FREE: Final = (None, "auto", "none")  # choices among no tools at all that mean nothing
ANY_OBJECT: Final = Raw(b'{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"}}}')


def longest(request: ChatRequest, target: Target, warnings: list[str]) -> int | None:
    """The longest answer to ask for, in tokens: the caller's limit, lowered with a warning to what the deployment
    writes. None: the caller sets none, and nobody's budget holds for one."""
    wanted, most = request.max_output, target.max_output
    if wanted is None:
        return request.held_output
    if most is None or wanted <= most:
        return wanted
    warnings.append(f"{limit_field(request)} lowered to {most}, the most that {target.name} writes")
    return most


def limit_field(request: ChatRequest) -> str:
    """What the caller calls the limit of an answer."""
    said = MAX_COMPLETION_TOKENS if request.body.max_completion_tokens else MAX_TOKENS
    return LIMIT_FIELDS.get(request.surface, said)


def shortened(fields: dict[str, Raw], request: ChatRequest, target: Target) -> tuple[str, ...]:
    """Lower the limit in a caller's own body, where it may stay as it is otherwise; returns warnings."""
    warnings: list[str] = []
    limit = longest(request, target, warnings)
    if warnings or request.held_output is not None:
        fields[limit_field(request)] = _number(limit)
    _leave_dearer_out(fields, warnings)
    return tuple(warnings)


def fitted(fields: dict[str, Raw], request: ChatRequest, target: Target, known: Habits) -> tuple[str, ...]:
    """Alter the fields of a chat to what an upstream of OpenAI's form takes, as far as is known; returns warnings."""
    warnings: list[str] = []
    if (limit := longest(request, target, warnings)) is not None:
        name, other = NAMES if known.newer_names else NAMES[::-1]
        if fields.pop(other, None) is not None or name not in fields or warnings or request.held_output is not None:
            fields[name] = _number(limit)
    fields["messages"] = taken(fields["messages"], request, known, warnings)
    if known.unknown:
        _rename(fields, known, warnings)
    _leave_dearer_out(fields, warnings)
    if not request.body.tools and not OF_TOOLS.isdisjoint(fields):
        _leave_tools_out(fields, request)
    if known.schemas_only and (request.body.response_format or {}).get("type") == "json_object":
        fields["response_format"] = ANY_OBJECT
    if EFFORT in fields and request.surface != CHAT and "reasoning" not in target.capabilities:
        del fields[EFFORT]  # who asks in the chat's own form means it
        warnings.append(f"{EFFORT} dropped")
    return tuple(warnings)


def _number(value: int | None) -> Raw:
    return Raw(msgspec.json.encode(value))


def _rename(fields: dict[str, Raw], known: Habits, warnings: list[str]) -> None:
    """What the upstream has another name for, or none at all."""
    if known.seed != SEED and SEED in fields:
        fields[known.seed] = fields.pop(SEED)
    for name in sorted(known.unknown & fields.keys()):
        del fields[name]
        warnings.append(f"{name} dropped")


def _leave_dearer_out(fields: dict[str, Raw], warnings: list[str]) -> None:
    """A deployment has one price, that of the usual service: a dearer one would be billed and not be recorded."""
    if OUTDOING.isdisjoint(fields):
        return
    for name in DEARER.keys() & fields.keys():
        if fields[name] in DEARER[name]:
            warnings.append(f"{name} {bytes(fields.pop(name)).decode()} dropped: it has another price")
    for name in sorted(OTHER_LIMITS.keys() & fields.keys()):
        del fields[name]
        warnings.append(f"{name} dropped: {OTHER_LIMITS[name]}")


def _leave_tools_out(fields: dict[str, Raw], request: ChatRequest) -> None:
    """An empty list of tools, and what only goes with tools: OpenAI, vLLM and DeepSeek refuse them, and nobody is told
    anything by them."""
    fields.pop("tools", None)
    fields.pop("parallel_tool_calls", None)
    if request.body.tool_choice in FREE:
        fields.pop("tool_choice", None)
