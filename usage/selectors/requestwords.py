"""What do words say of which requests to list? The same in an address of the dashboard and in the operator's API."""

from collections.abc import Mapping
from typing import Any, Final

from usage.selectors.requests import RequestFilter
from usage.selectors.whose import Whose

STATUSES: Final = ("answered", "failover", "errors", "failed", "rejected", "cancelled", "interrupted", "unpriced")
NOBODY: Final = "-"  # "has none": no name begins with a dash
NAMES: Final[Mapping[str, str]] = {  # the word, and the field of the filter
    "provider": "provider",
    "model": "model",
    "policy": "policy",
    "first": "first_choice",
    "session": "session",
    "task": "task",
}


def filter_said(words: Mapping[str, str], tenant_id: Whose, key_id: int | None) -> RequestFilter:
    """The filter that words come to; tenant and key are looked up by who asks, as they are names in their sight."""
    status = words.get("status", "")
    named: dict[str, Any] = {field: name_said(words.get(word, "")) for word, field in NAMES.items()}
    return RequestFilter(
        status=status if status in STATUSES else None,  # type: ignore[arg-type]
        tenant_id=tenant_id,
        key_id=key_id,
        served=name_said(words.get("served") or words.get("deployment", "")),
        tag=name_said(words.get("tag", "")),
        error=words.get("error") or None,
        failed=words.get("failed") or None,
        **named,
    )


def name_said(word: str) -> str | None:
    """A name to filter by: None is no filter, '' those that have none."""
    return "" if word == NOBODY else word or None
