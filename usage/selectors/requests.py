"""Which requests, one by one? Pages by id, newest first, always inside a range; and one whole story."""

from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from msgspec import Struct

from usage import ids, spool
from usage.fold import SERVED_STATUSES
from usage.models import AttemptRecord, RequestRecord
from usage.outcomes import Outcome, Status
from usage.ranges import TimeRange
from usage.rows import outcome_of
from usage.selectors.sums import Whose

PAGE_ROWS: Final = 50
NOBODY: Final = ""


class RequestFilter(Struct, frozen=True):
    """What the listed requests have in common; None is no condition, '' is "has none"."""

    status: Status | Literal["failover", "errors", "unpriced"] | None = None  # errors: failed, interrupted
    tenant_id: Whose = None
    key_id: int | None = None
    provider: str | None = None
    model: str | None = None
    policy: str | None = None
    first_choice: str | None = None  # provider/model
    served: str | None = None  # provider/model; '': nobody served
    session: str | None = None


class Listed(Struct, frozen=True):
    """A line of the list; fields as in `usage.outcomes.Outcome`."""

    id: str
    started_us: int
    status: Status
    http_status: int
    error: str | None
    error_code: str | None
    stream: bool
    asked_model: str
    provider: str | None
    model: str | None
    policy: str | None
    first_choice: str | None
    why: str | None
    tenant_id: int
    tenant: str
    key_id: int
    key_prefix: str
    attempts_count: int
    failovers: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    estimated: bool
    cost_nano_usd: int | None
    overhead_ms: float
    ttft_ms: float | None
    total_ms: float


class Page(Struct, frozen=True):
    """`cursor` asks for the page that follows; None on the last."""

    rows: list[Listed]
    cursor: str | None


_LISTED: Final = Listed.__struct_fields__


def page(
    period: TimeRange,
    chosen: RequestFilter = RequestFilter(),  # noqa: B008 - frozen
    cursor: str | None = None,
    limit: int = PAGE_ROWS,
) -> Page:
    """Up to `limit` requests of the range before `cursor` (a page's own; one that is none begins at the newest)."""
    low, high = period.id_bounds
    before = ids.parse(cursor or "")
    found = matching(chosen).filter(id__gte=low, id__lt=min(before, high) if before else high).order_by("-id")
    rows = [Listed(key.hex, *rest) for key, *rest in found.values_list(*_LISTED)[: limit + 1]]
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].id if more else None)


def find(request_id: str | UUID, tenant_id: Whose = None, directory: Path | None = None) -> Outcome | None:
    """The whole story of a request, shipped or not; None when there is none, or it is another tenant's."""
    key = request_id if isinstance(request_id, UUID) else ids.parse(request_id)
    if key is None:
        return None
    # The spool first: what is not there any more is in the database by then.
    outcome = spool.find(directory or Path(settings.VAR_DIR) / spool.NAME, key) or _recorded(key)
    return outcome if outcome is not None and _is_of(outcome.tenant_id, tenant_id) else None


def _is_of(tenant_id: int, whose: Whose) -> bool:
    return tenant_id in whose if isinstance(whose, frozenset) else whose in (None, tenant_id)


def _recorded(key: UUID) -> Outcome | None:
    record = RequestRecord.objects.filter(id=key).first()
    if record is None:
        return None
    attempts = AttemptRecord.objects.filter(id__range=ids.attempt_bounds(key), request_id=key)
    return outcome_of(record, sorted(attempts, key=lambda attempt: attempt.index))


def matching(chosen: RequestFilter) -> "QuerySet[RequestRecord]":
    plain: dict[str, Any] = {
        "key_id": chosen.key_id,
        "provider": chosen.provider,
        "model": chosen.model,
        "policy": chosen.policy,
        "first_choice": chosen.first_choice,
        "session": chosen.session,
    }
    conditions = Q()
    if isinstance(chosen.tenant_id, frozenset):
        conditions = Q(tenant_id__in=chosen.tenant_id)
    elif chosen.tenant_id is not None:
        conditions = Q(tenant_id=chosen.tenant_id)
    for column, value in plain.items():
        if value is not None:
            conditions &= Q(**{column: value}) if value != "" else Q(**{f"{column}__isnull": True})
    if chosen.served is not None:
        conditions &= _served(chosen.served)
    found = RequestRecord.objects.filter(conditions & _status(chosen.status))
    if chosen.first_choice and chosen.served not in (None, chosen.first_choice):
        return found.filter(_DIVERTED)
    return found


def _served(name: str) -> Q:
    """Exactly the requests that `reliability.flow` counts for this deployment."""
    counted = Q(status__in=SERVED_STATUSES)
    if name == NOBODY:
        return counted & Q(provider__isnull=True)
    provider, _, model = name.partition("/")
    return counted & Q(provider=provider, model=model)


# SQLite takes a partial index only where its condition stands in the query word for word, without a parameter: these
# are the conditions of request_troubled and request_diverted.
_TROUBLED: Final = ~Q(status=RawSQL("'answered'", ()))
_DIVERTED: Final = RawSQL("first_choice <> COALESCE(provider || '/' || model, '')", (), BooleanField())


def _status(status: str | None) -> Q:
    if status is None:
        return Q()
    if status == "failover":
        return Q(failovers__gt=RawSQL("0", ()))
    if status == "errors":
        return Q(status__in=("failed", "interrupted")) & _TROUBLED
    if status == "unpriced":
        return Q(cost_nano_usd__isnull=True) & (Q(provider__isnull=False) | Q(prompt_tokens__isnull=False))
    return Q(status=status) if status == "answered" else Q(status=status) & _TROUBLED
