"""How did the latest call of each deployment end?"""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from usage import ids
from usage.models import AttemptRecord
from usage.ranges import TimeRange

_COLUMNS: Final = ("deployment", "provider", "status", "error", "request_id")
LOOKED_AT: Final = 500  # attempts, the newest: enough to meet everyone who is called often


class LastAttempt(Struct, frozen=True):
    """The newest attempt at a deployment; `error` is its class in the tree of errors, None where it did not fail.

    `since`: when the request came from which on, as far as was looked, every attempt ended alike.
    """

    deployment: str
    provider: str
    status: str
    error: str | None
    since: datetime

    @property
    def failed(self) -> bool:
        return self.status == "failed"


def last_attempts(period: TimeRange) -> list[LastAttempt]:
    """One for each deployment among the newest attempts of the range, the latest first."""
    low, high = period.id_bounds
    found = AttemptRecord.objects.filter(id__gte=low, id__lt=high).order_by("-id")
    newest: dict[str, LastAttempt] = {}
    changed: set[str] = set()  # deployments of which an earlier attempt ended otherwise
    for deployment, provider, status, error, request_id in found.values_list(*_COLUMNS)[:LOOKED_AT]:
        last = newest.get(deployment)
        at = datetime.fromtimestamp(ids.instant_ms(request_id.hex) / 1000, UTC)
        if last is None:
            newest[deployment] = LastAttempt(deployment, provider, status, error, at)
        elif last.status != status:
            changed.add(deployment)
        elif deployment not in changed:
            newest[deployment] = replace(last, since=at)
    return list(newest.values())
