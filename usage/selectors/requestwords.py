"""What do words say of which requests to list? The same in an address of the dashboard and in the operator's API."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from usage.selectors.requestfilter import RequestFilter
from usage.selectors.whose import Whose

STATUSES: Final = ("answered", "failover", "errors", "failed", "rejected", "cancelled", "interrupted", "unpriced")
STREAMED: Final[Mapping[str, bool]] = {"yes": True, "no": False}
NOBODY: Final = "-"  # "has none": no name begins with a dash
NAMES: Final[Mapping[str, str]] = {  # the word, and the field of the filter
    "provider": "provider",
    "model": "model",
    "policy": "policy",
    "first": "first_choice",
    "session": "session",
    "task": "task",
    "tag": "tag",
    "finish": "finish",
}


class Bound(Struct, frozen=True):
    """A word that holds a number from 0 to `most`, and the field that it is kept in: `scale` times as much."""

    field: str
    unit: str
    most: int
    decimals: int = 0
    scale: int = 1

    @property
    def says(self) -> str:
        """What it may be, in words."""
        if not self.decimals:
            return f"a whole number of {self.unit} from 0 to {self.most:,}"
        return f"a number of {self.unit} from 0 to {self.most:,} with at most {self.decimals} decimals, such as 0.05"

    def read(self, text: str) -> int:
        """What the field holds; raises `ValueError` where it is no number, or beyond what it may be."""
        number = Decimal(text) if _NUMBER(text) else None
        if number is None or number > self.most or len(text.partition(".")[2]) > self.decimals:
            raise ValueError(text)
        return int(number * self.scale)

    def checked(self, text: str) -> str:
        """The text as it is; raises as `read` does."""
        self.read(text)
        return text


_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?").fullmatch
_USD, _DAY_MS, _NANO = 1_000_000, 86_400_000, 10**9
BOUNDS: Final[Mapping[str, Bound]] = {
    "min_cost": Bound("min_cost_nano_usd", "US dollars", _USD, 9, _NANO),
    "max_cost": Bound("max_cost_nano_usd", "US dollars", _USD, 9, _NANO),
    "min_ttft": Bound("min_ttft_ms", "milliseconds", _DAY_MS),
    "min_total": Bound("min_total_ms", "milliseconds", _DAY_MS),
    "min_attempts": Bound("min_attempts", "attempts", 1_000),
}
# Words of what no index knows, in the order in which a page tells them, and their fields.
UNINDEXED: Final[Mapping[str, str]] = {
    "tag": "tag",
    **{word: bound.field for word, bound in BOUNDS.items()},
    "streamed": "streamed",
    "finish": "finish",
}


def filter_said(words: Mapping[str, str], tenant_id: Whose, key_id: int | None) -> RequestFilter:
    """The filter that words come to; tenant and key are looked up by who asks, as they are names in their sight."""
    status = words.get("status", "")
    named: dict[str, Any] = {field: name_said(words.get(word, "")) for word, field in NAMES.items()}
    named |= {bound.field: bound.read(words[word]) for word, bound in BOUNDS.items() if words.get(word)}
    return RequestFilter(
        status=status if status in STATUSES else None,  # type: ignore[arg-type]
        tenant_id=tenant_id,
        key_id=key_id,
        served=name_said(words.get("served") or words.get("deployment", "")),
        error=words.get("error") or None,
        failed=words.get("failed") or None,
        streamed=STREAMED.get(words.get("streamed", "")),
        **named,
    )


def name_said(word: str) -> str | None:
    """A name to filter by: None is no filter, '' those that have none."""
    return "" if word == NOBODY else word or None


def sought(chosen: RequestFilter) -> list[str]:
    """The words of a filter that no index knows, for which requests were looked through."""
    return [word for word, field in UNINDEXED.items() if field in chosen.unindexed]
