"""Is an upstream's count of tokens usable? Negative numbers become 0; absurd and missing ones make it unknown."""

from typing import Any, Final

import msgspec

from providers.chat import WireUsage

ABSURD: Final = 100_000_000  # tokens; a hundred times the largest context on sale
COUNTS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
DETAILS: Final = ("prompt_tokens_details", "completion_tokens_details")
CACHED: Final = ("prompt_cache_hit_tokens", "cached_tokens")  # as DeepSeek and Moonshot say it, beside the details


def usable(usage: Any) -> dict[str, Any] | None:
    """OpenAI's `usage` object with integers where integers belong, other fields as they came; None: unknown."""
    if not isinstance(usage, dict):
        return None
    prompt, completion, total = (_count(usage.get(name)) for name in COUNTS)
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    if max(prompt, completion) > ABSURD:
        return None
    total = prompt + completion if total is None or not 0 <= total <= ABSURD else total
    details = {name: _details(usage[name]) for name in DETAILS if isinstance(usage.get(name), dict)}
    if cached := next((count for name in CACHED if (count := _count(usage.get(name)))), 0):
        details.setdefault(DETAILS[0], {}).setdefault("cached_tokens", cached)
    kept = {name: value for name, value in usage.items() if name not in DETAILS}
    return kept | {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total} | details


def typed(usage: dict[str, Any]) -> WireUsage:
    """`usable` usage as the chat's own struct."""
    return msgspec.convert(usage, WireUsage)


def _details(details: dict[str, Any]) -> dict[str, Any]:
    return {name: count for name, value in details.items() if (count := _count(value)) is not None}


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):
        return None
    return max(int(value), 0)
