"""How did the latest call of each deployment end, and who served what is known by id?"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from usage import ids
from usage.models import AttemptRecord, RequestRecord
from usage.ranges import TimeRange
from usage.selectors.whose import of

_COLUMNS: Final = ("deployment", "provider", "status", "error", "request_id")
CANCELLED: Final = "cancelled"
LOOKED_AT: Final = 500  # attempts, the newest: enough to meet everyone who is called often


class LastAttempt(Struct, frozen=True):
    """The newest attempt at a deployment; `error` is its class in the tree of errors, None where it did not fail.

    `at` is when its request came, `since` when the first came of the `in_a_row` attempts that, as far as was looked,
    ended alike one after the other; `before`: an earlier one may have done so, too. Cancelled attempts are left out.
    """

    deployment: str
    provider: str
    status: str
    error: str | None
    at: datetime
    since: datetime
    in_a_row: int = 1
    before: bool = True

    @property
    def failed(self) -> bool:
        return self.status == "failed"


def last_attempts(period: TimeRange) -> list[LastAttempt]:
    """One for each deployment among the newest attempts of the range, the latest first."""
    low, high = period.id_bounds
    found = of(AttemptRecord.objects.filter(id__gte=low, id__lt=high), None).order_by("-id")
    newest: dict[str, LastAttempt] = {}
    for deployment, provider, status, error, request_id in found.values_list(*_COLUMNS)[:LOOKED_AT]:
        if status == CANCELLED:
            continue
        last = newest.get(deployment)
        at = datetime.fromtimestamp(ids.instant_ms(request_id.hex) / 1000, UTC)
        if last is None:
            newest[deployment] = LastAttempt(deployment, provider, status, error, at, at)
        elif last.before:
            same = last.status == status
            newest[deployment] = (
                replace(last, since=at, in_a_row=last.in_a_row + 1) if same else replace(last, before=False)
            )
    return list(newest.values())


def served(requests: Collection[UUID]) -> dict[UUID, str]:
    """The deployment that answered each of these requests, as `provider/model`; one query by their ids."""
    rows = RequestRecord.objects.filter(id__in=list(requests), provider__isnull=False) if requests else None
    return (
        {pk: f"{provider}/{model}" for pk, provider, model in rows.values_list("id", "provider", "model")}
        if rows
        else {}
    )
