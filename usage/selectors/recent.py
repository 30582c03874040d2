"""How did the latest call of each deployment end?"""

from typing import Final

from msgspec import Struct

from usage.models import AttemptRecord
from usage.ranges import TimeRange

LOOKED_AT: Final = 500  # attempts, the newest: enough to meet everyone who is called often


class LastAttempt(Struct, frozen=True):
    """The newest attempt at a deployment; `error` is its class in the tree of errors, None where it did not fail."""

    deployment: str
    provider: str
    status: str
    error: str | None

    @property
    def failed(self) -> bool:
        return self.status == "failed"


def last_attempts(period: TimeRange) -> list[LastAttempt]:
    """One for each deployment among the newest attempts of the range, the latest first."""
    low, high = period.id_bounds
    found = AttemptRecord.objects.filter(id__gte=low, id__lt=high).order_by("-id")
    newest: dict[str, LastAttempt] = {}
    for row in found.values_list("deployment", "provider", "status", "error")[:LOOKED_AT]:
        newest.setdefault(row[0], LastAttempt(*row))
    return list(newest.values())
