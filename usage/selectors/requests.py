"""Which requests, one by one? Pages by id, newest first, always inside a range; and one whole story."""

from functools import partial
from heapq import nlargest
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from msgspec import Struct

from usage import ids, spool
from usage.fold import SERVED_STATUSES
from usage.models import AttemptRecord, RequestRecord
from usage.outcomes import Outcome, Status
from usage.ranges import TimeRange
from usage.rows import outcome_of
from usage.selectors.failures import Failing, failing
from usage.selectors.whose import Whose, of

PAGE_ROWS: Final = 50
MOST_COUNTED: Final = 1_000  # requests that fit: beyond that it is "more"
WINDOW: Final = 10_000  # so many requests, the newest that fit, are looked at for what no index knows
FAILURES: Final = 2_000  # so many of those that met an error
MOST_TOPS: Final = 100
Top = Literal["cost", "total", "ttft"]
_FIGURES: Final[dict[Top, str]] = {"cost": "cost_nano_usd", "total": "total_ms", "ttft": "ttft_ms"}
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
    task: str | None = None  # its category
    tag: str | None = None  # one that it carries; no index knows these
    error: str | None = None  # a class of error that it, or one of its attempts, ended with
    failed: str | None = None  # where an attempt failed: provider/model, either may be *

    @property
    def failing(self) -> Failing | None:
        """What is asked of its attempts; None: nothing."""
        return Failing(self.error, self.failed, self.tenant_id) if self.error or self.failed else None


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
    category: str | None
    session: str | None
    tags: list[str]
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
    """`cursor` asks for the page that follows; None on the last. `looked`: at how many requests, for what no index
    knows; None where an index answered."""

    rows: list[Listed]
    cursor: str | None
    looked: int | None = None


_LISTED: Final = Listed.__struct_fields__


def page(
    period: TimeRange,
    chosen: RequestFilter = RequestFilter(),  # noqa: B008 - frozen
    cursor: str | None = None,
    limit: int = PAGE_ROWS,
    oldest: bool = False,
    window: int = WINDOW,
) -> Page:
    """Up to `limit` requests of the range after `cursor` (a page's own; one that is none begins anew), newest first.

    With a tag or an error it looks at `window` requests and may find fewer than `limit`: the cursor then goes on where
    it ended.
    """
    behind = ids.parse(cursor or "")
    found = _after(matching(chosen), period, behind, oldest)
    if what := chosen.failing:
        return _failing(period, chosen, what, behind, limit, oldest, window)
    if chosen.tag is not None:
        return _tagged(found, chosen.tag, limit, window)
    rows = _listed(found[: limit + 1])
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].id if more else None)


def matched(period: TimeRange, chosen: RequestFilter) -> int:
    """How many requests of the range fit, up to `MOST_COUNTED` + 1; in the order of their pages, by the same index."""
    return _after(matching(chosen), period, None).values("id")[: MOST_COUNTED + 1].count()


def tops(period: TimeRange, chosen: RequestFilter, figure: Top, limit: int = MOST_TOPS, window: int = WINDOW) -> Page:
    """Those with the greatest figure among the newest `window` requests of the range that fit, the greatest first."""
    newest = _after(matching(chosen), period, None)
    if what := chosen.failing:
        newest = newest.filter(id__in=failing(period, what, None, False, min(window, FAILURES)).keys)
    read = _greatest if chosen.tag is None else partial(_greatest_tagged, chosen.tag)
    best, looked = read(newest, _FIGURES[figure], limit, window)
    return Page(by_id(_after(RequestRecord.objects.all(), period, None), best), None, looked)


def _greatest(newest: Any, figure: str, limit: int, window: int) -> tuple[list[UUID], int]:
    """Sorted in the database: ten thousand rows would take longer to come here than to be found."""
    rows, params = newest.values("id", figure)[:window].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {figure}, COUNT(*) OVER () FROM ({rows}) AS newest"
            f" ORDER BY {figure} DESC NULLS LAST, id DESC LIMIT %s",
            (*params, limit),
        )
        found = cursor.fetchall()
    best = [key if isinstance(key, UUID) else UUID(key) for key, value, _ in found if value is not None]
    return best, found[0][2] if found else 0


def _greatest_tagged(tag: str, newest: Any, figure: str, limit: int, window: int) -> tuple[list[UUID], int]:
    looked = list(newest.values_list("id", figure, "tags")[:window])
    known = ((key, value) for key, value, tags in looked if value is not None and has_tag(tags, tag))
    return [key for key, _ in nlargest(limit, known, key=itemgetter(1, 0))], len(looked)


def _after(rows: "QuerySet[RequestRecord]", period: TimeRange, cursor: UUID | None, oldest: bool = False) -> Any:
    """The rows of a range on one side of a cursor, in the order of time."""
    low, high = period.id_bounds
    if oldest:
        rows = rows.filter(id__gt=cursor) if cursor and cursor >= low else rows
        return rows.filter(id__gte=low, id__lt=high).order_by("id")
    return rows.filter(id__gte=low, id__lt=min(cursor, high) if cursor else high).order_by("-id")


def _tagged(found: "QuerySet[RequestRecord]", tag: str, limit: int, window: int) -> Page:
    looked = list(found.values_list("id", "tags")[:window])
    hits = [key for key, tags in looked if has_tag(tags, tag)]
    last = hits[limit - 1] if len(hits) > limit else looked[-1][0] if len(looked) == window else None
    return Page(by_id(found, hits[:limit]), last.hex if last else None, len(looked))


def _failing(
    period: TimeRange,
    chosen: RequestFilter,
    what: Failing,
    cursor: UUID | None,
    limit: int,
    oldest: bool,
    window: int,
) -> Page:
    """A page of those that met an error, read in two steps: few where most fit the other filters, then the window."""
    hits: list[UUID] = []
    looked = 0
    for size in (4 * limit, min(window, FAILURES)):
        found = failing(period, what, cursor, oldest, size)
        looked, cursor = looked + len(found.keys), found.last
        rows = dict(_after(matching(chosen), period, None).filter(id__in=found.keys).values_list("id", "tags"))
        hits += [key for key in found.keys if key in rows and (chosen.tag is None or has_tag(rows[key], chosen.tag))]
        if len(hits) > limit or cursor is None:
            break
    last = hits[limit - 1] if len(hits) > limit else cursor
    return Page(by_id(RequestRecord.objects.all(), hits[:limit]), last.hex if last else None, looked)


def has_tag(tags: list[str], tag: str) -> bool:
    """Whether it is among them; '' stands for requests that have none."""
    return tag in tags if tag else not tags


def by_id(rows: "QuerySet[RequestRecord]", keys: list[UUID]) -> list[Listed]:
    """These rows in this order."""
    listed = {one.id: one for one in _listed(rows.filter(id__in=keys))} if keys else {}
    return [listed[key.hex] for key in keys if key.hex in listed]


def _listed(rows: "QuerySet[RequestRecord]") -> list[Listed]:
    return [Listed(key.hex, *rest) for key, *rest in rows.values_list(*_LISTED)]


def find(
    request_id: str | UUID, tenant_id: Whose = None, directory: Path | None = None, *, key_id: int | None = None
) -> Outcome | None:
    """The whole story of a request, shipped or not; None when there is none, or it is another tenant's, or, where
    `key_id` is given, another key's."""
    key = request_id if isinstance(request_id, UUID) else ids.parse(request_id)
    if key is None:
        return None
    # The spool first: what is not there any more is in the database by then.
    outcome = spool.find(directory or Path(settings.VAR_DIR) / spool.NAME, key) or _recorded(key)
    if outcome is None or not _is_of(outcome.tenant_id, tenant_id) or key_id not in (None, outcome.key_id):
        return None
    return outcome


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
        "category": chosen.task,
    }
    conditions = Q()
    for column, value in plain.items():
        if value is not None:
            conditions &= Q(**{column: value}) if value != "" else Q(**{f"{column}__isnull": True})
    if chosen.served is not None:
        conditions &= _served(chosen.served)
    whose = RequestRecord.objects.all()
    if chosen.tenant_id is not None or chosen.key_id is None:  # a key that is asked for is one tenant's
        whose = of(whose, chosen.tenant_id)
    found = whose.filter(conditions & _status(chosen.status))
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
