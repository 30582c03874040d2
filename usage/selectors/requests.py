"""Which requests, one by one? Pages by id, newest first, always inside a range; and one whole story."""

from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from msgspec import Struct

from tenants.sight import Sight, seen
from usage import ids, spool
from usage.models import AttemptRecord, RequestRecord
from usage.outcomes import Outcome, Status
from usage.ranges import TimeRange
from usage.rows import outcome_of
from usage.selectors.failures import Failing, failing
from usage.selectors.requestfilter import RequestFilter, matching
from usage.selectors.whose import Whose
from usage.selectors.window import WINDOW, has_tag, look

PAGE_ROWS: Final = 50
MOST_COUNTED: Final = 1_000  # requests that fit: beyond that it is "more"
FAILURES: Final = 2_000  # so many of those that met an error are looked at for other filters
MOST_TOPS: Final = 100
Top = Literal["cost", "total", "ttft"]
_FIGURES: Final[dict[Top, str]] = {"cost": "cost_nano_usd", "total": "total_ms", "ttft": "ttft_ms"}


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

    With an error, or with what no index knows, it looks at `window` requests and may find fewer than `limit`: the
    cursor then goes on where it ended.
    """
    behind = ids.parse(cursor or "")
    if what := chosen.failing:
        return _failing(period, chosen, what, behind, limit, oldest, window)
    found = _after(matching(chosen), period, behind, oldest)
    if chosen.unindexed:
        return _in_window(found, chosen, limit, window, oldest)
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
    found = look(newest, chosen, window, limit, _FIGURES[figure])
    return Page(by_id(_after(RequestRecord.objects.all(), period, None), found.keys), None, found.number)


def _after(rows: "QuerySet[RequestRecord]", period: TimeRange, cursor: UUID | None, oldest: bool = False) -> Any:
    """The rows of a range on one side of a cursor, in the order of time."""
    low, high = period.id_bounds
    if oldest:
        rows = rows.filter(id__gt=cursor) if cursor and cursor >= low else rows
        return rows.filter(id__gte=low, id__lt=high).order_by("id")
    return rows.filter(id__gte=low, id__lt=min(cursor, high) if cursor else high).order_by("-id")


def _in_window(rows: "QuerySet[RequestRecord]", chosen: RequestFilter, limit: int, window: int, oldest: bool) -> Page:
    found = look(rows, chosen, window, limit + 1, up=oldest)
    going_on = found.last if found.number == window else None
    last = found.keys[limit - 1] if len(found.keys) > limit else going_on
    return Page(by_id(RequestRecord.objects.all(), found.keys[:limit]), last.hex if last else None, found.number)


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
        fitting = _after(matching(chosen), period, None).filter(chosen.bounds, id__in=found.keys)
        rows = dict(fitting.values_list("id", "tags"))
        hits += [key for key in found.keys if key in rows and (chosen.tag is None or has_tag(rows[key], chosen.tag))]
        if len(hits) > limit or cursor is None:
            break
    last = hits[limit - 1] if len(hits) > limit else cursor
    return Page(by_id(RequestRecord.objects.all(), hits[:limit]), last.hex if last else None, looked)


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


def begun_with(text: str, sight: Sight, limit: int) -> list[RequestRecord]:
    """The newest requests in sight whose id begins so, of at least eight digits; what the journal holds still is not
    among them."""
    bounds = ids.begun(text)
    if bounds is None:
        return []
    rows = seen(RequestRecord.objects.filter(id__range=bounds), sight, "tenant_id").order_by("-id")
    return list(rows.only("status", "asked_model", "tenant")[:limit])


def _is_of(tenant_id: int, whose: Whose) -> bool:
    return tenant_id in whose if isinstance(whose, frozenset) else whose in (None, tenant_id)


def _recorded(key: UUID) -> Outcome | None:
    record = RequestRecord.objects.filter(id=key).first()
    if record is None:
        return None
    attempts = AttemptRecord.objects.filter(id__range=ids.attempt_bounds(key), request_id=key)
    return outcome_of(record, sorted(attempts, key=lambda attempt: attempt.index))
