"""How many requests, tokens and dollars: in all, over time, and by what?"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

from django.conf import settings
from django.db.models import Max, Min, Q
from msgspec import Struct, structs

from usage import ids, spool
from usage.ranges import TimeRange
from usage.rollups import ALL_KEYS, ALL_TENANTS, HOUR, KeyRollup, RequestRollup, Rollup, TagRollup
from usage.selectors.sums import Row, read
from usage.selectors.whose import EACH_TENANT, NAMED, Whose, of

Dimension = Literal["provider", "model", "deployment", "tenant", "key", "policy", "tag"]
Value = int | str

_COLUMNS: Final[dict[Dimension, tuple[str, ...]]] = {
    "provider": ("provider",),
    "model": ("model",),
    "deployment": ("provider", "model"),
    "tenant": ("tenant_id",),
    "key": ("key_id",),
    "policy": ("policy",),
    "tag": ("tag",),
}


class Entities(Struct, frozen=True):
    """Whose or which requests; None is all of them, '' those that have none."""

    tenant_id: Whose = None
    key_id: int | None = None
    provider: str | None = None
    model: str | None = None
    policy: str | None = None
    tag: str | None = None  # sums by it are kept by tenant, not by any other of these


class Spend(Struct, frozen=True):
    """What pages about money ask of requests: a third of `Totals`, which counts where thousands are read."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    priced: int = 0  # requests with a known cost, 0 included
    unpriced: int = 0  # requests that cost something that nobody knows
    cost_nano_usd: int = 0  # of the priced ones

    @property
    def known_cost_nano_usd(self) -> int | None:
        """None when there were requests to pay for and no price for any of them."""
        return None if self.unpriced and not self.priced else self.cost_nano_usd


class Totals(Spend, frozen=True):
    """Sums over requests. `answered` to `interrupted` add up to `requests`."""

    answered: int = 0
    failed: int = 0
    rejected: int = 0
    cancelled: int = 0
    interrupted: int = 0
    streamed: int = 0
    failed_over: int = 0  # requests with at least one failover
    failovers: int = 0
    attempts: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: int = 0  # requests whose tokens are our estimate

    @property
    def success(self) -> float | None:
        """Share answered of those that were let in and waited for; None without any."""
        judged = self.requests - self.rejected - self.cancelled
        return self.answered / judged if judged else None


class Group(Struct, frozen=True):
    """The totals of one value: a name, `provider/model` for a deployment, an id for tenants and keys, '' for none."""

    value: Value
    totals: Totals


_OF_KEYS: Final = (None, "tenant", "key")  # what a key's sum over all that answered can be grouped by
_YEAR_S: Final = 366 * 86_400
_SUMS: Final = Totals.__struct_fields__
_SPENT: Final = Spend.__struct_fields__
Sums = TypeVar("Sums", bound=Spend)


def totals(period: TimeRange, entities: Entities = Entities()) -> Totals:  # noqa: B008 - frozen
    """The sums of a range."""
    return series([period], entities)[0]


def series(buckets: Sequence[TimeRange], entities: Entities = Entities()) -> list[Totals]:  # noqa: B008 - frozen
    """The sums of each bucket; one without requests has zeros. Buckets: `TimeRange.buckets`."""
    found = [Totals()] * len(buckets)
    table, level = _table(entities)
    scope, bounds = _scope(entities), _bounds(entities)
    for position, _, sums in read(table, buckets, tenant=scope, where=bounds, level=level, sums=_SUMS):
        found[position] = Totals(*sums)
    return found


def by(dimension: Dimension, period: TimeRange, entities: Entities = Entities()) -> list[Group]:  # noqa: B008 - frozen
    """The sums of each value that occurs, the one with most requests first."""
    groups = [Group(value, sums[0]) for value, sums in series_by(dimension, [period], entities).items()]
    return sorted(groups, key=lambda group: (-group.totals.requests, str(group.value)))


def series_by(
    dimension: Dimension,
    buckets: Sequence[TimeRange],
    entities: Entities = Entities(),  # noqa: B008 - frozen
    only: Collection[Value] | None = None,
) -> dict[Value, list[Totals]]:
    """`series` for each value that occurs; `only` keeps these."""
    return _series_by(Totals, dimension, buckets, entities, only)


def spent_by(dimension: Dimension, period: TimeRange, entities: Entities = Entities()) -> dict[Value, Spend]:  # noqa: B008 - frozen
    """What each value that occurs cost."""
    return {value: sums[0] for value, sums in spent_series_by(dimension, [period], entities).items()}


def spent_series_by(
    dimension: Dimension,
    buckets: Sequence[TimeRange],
    entities: Entities = Entities(),  # noqa: B008 - frozen
    only: Collection[Value] | None = None,
) -> dict[Value, list[Spend]]:
    """The same in each bucket; `only` keeps these values."""
    return _series_by(Spend, dimension, buckets, entities, only)


def spent_by_few_tags(
    buckets: Sequence[TimeRange],
    entities: Entities,
    few: Collection[Value],
) -> dict[Value | None, list[Spend]]:
    """The same of a few tags, and under None of all others added up, where a request of several counts several times.

    One reading of all tags: nothing finds one of them in a range.
    """
    found: dict[Value | None, list[Spend]] = {value: [Spend()] * len(buckets) for value in (*few, None)}
    scope, bounds = _scope(entities, "tag"), _bounds(entities)
    for position, (tag,), sums in read(TagRollup, buckets, tenant=scope, where=bounds, few=("tag", few), sums=_SPENT):
        found[tag][position] = Spend(*sums)
    return found


def _series_by(
    kind: type[Sums],
    dimension: Dimension,
    buckets: Sequence[TimeRange],
    entities: Entities,
    only: Collection[Value] | None,
) -> dict[Value, list[Sums]]:
    found: dict[Value, list[Sums]] = {}
    columns = _COLUMNS[dimension]
    table, level = _table(entities, dimension)
    for position, key, sums in read(
        table,
        buckets,
        tenant=_scope(entities, dimension, named=dimension in ("tenant", "key") and only is not None),
        where=_bounds(entities),
        level=level,
        only=None if only is None or len(columns) > 1 else {columns[0]: only},
        group=columns,
        sums=kind.__struct_fields__,
    ):
        value = key[0] if len(key) == 1 else "/".join(key).removesuffix("/")
        if only is None or value in only:
            found.setdefault(value, [kind()] * len(buckets))[position] = kind(*sums)
    return found


def answered_by(
    buckets: Sequence[TimeRange], entities: Entities, group: Sequence[str], sums: Sequence[str]
) -> Iterator[tuple[int, Row, list[int]]]:
    """Any columns of the sums of requests, by columns that say who answered or decided: `sums.read` says the form."""
    level = f"r.key_id = {ALL_KEYS}" if entities.key_id is None else f"r.key_id > {ALL_KEYS}"
    tenant, bounds = _scope(entities), _bounds(entities)
    return read(RequestRollup, buckets, tenant=tenant, where=bounds, level=level, group=group, sums=sums)


def series_of_tags(
    buckets: Sequence[TimeRange], tenants: frozenset[int], tags: Collection[str]
) -> dict[tuple[int, str], list[Totals]]:
    """`series` for each of these tags of each of these tenants that occurs."""
    found: dict[tuple[int, str], list[Totals]] = {}
    names = ("tenant_id", "tag")
    for position, (tenant, tag), sums in read(
        TagRollup, buckets, tenant=tenants, only={"tag": tags}, group=names, sums=_SUMS
    ):
        found.setdefault((tenant, tag), [Totals()] * len(buckets))[position] = Totals(*sums)
    return found


def tags_kept_since() -> datetime | None:
    """The first hour with sums by tag; None: there are none."""
    first = TagRollup.objects.filter(grain=HOUR).aggregate(first=Min("bucket"))["first"]
    return None if first is None else datetime.fromtimestamp(first, UTC)


def unpriced(period: TimeRange, entities: Entities = Entities()) -> list[Group]:  # noqa: B008 - frozen
    """The deployments that worked at a cost that nobody knows, the busiest first."""
    return [group for group in by("deployment", period, entities) if group.totals.unpriced]


def used_since(
    start: datetime, directory: Path | None = None, *, dimension: Literal["tenant", "key"] = "tenant"
) -> dict[int, int]:
    """How many requests each tenant, or key, has been granted since `start` (a whole minute), shipped or not."""
    used: dict[int, int] = {}
    since_ms = int(start.timestamp() * 1000)
    # The spool first: what is shipped meanwhile counts twice rather than not at all.
    for outcome in spool.waiting(directory or Path(settings.VAR_DIR) / spool.NAME):
        if outcome.status != "rejected" and ids.instant_ms(outcome.id) >= since_ms:
            whose: int = getattr(outcome, f"{dimension}_id")
            used[whose] = used.get(whose, 0) + 1
    now = datetime.now(UTC)
    for group in by(dimension, TimeRange.around(start, max(now, start), now)):
        whose = int(group.value)
        used[whose] = used.get(whose, 0) + group.totals.requests - group.totals.rejected
    return used


def nearest(period: TimeRange, tenant_id: Whose = None) -> datetime | None:
    """The last hour with requests that begins before the range's end, else the first after it; within two years."""
    low, high = period.seconds
    hours = RequestRollup.objects.filter(grain=HOUR, bucket__gte=low - 2 * _YEAR_S, bucket__lt=high + 2 * _YEAR_S)
    found = of(hours, ALL_TENANTS if tenant_id is None else tenant_id).aggregate(
        before=Max("bucket", filter=Q(bucket__lt=high)), after=Min("bucket", filter=Q(bucket__gte=high))
    )
    seconds = found["before"] if found["before"] is not None else found["after"]
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _scope(entities: Entities, dimension: Dimension | None = None, named: bool = False) -> int | frozenset[int]:
    if entities.tenant_id is not None:
        return entities.tenant_id
    if entities.key_id is not None or named:
        return NAMED
    owned = entities.tag is not None or dimension in ("tenant", "key", "tag")
    return EACH_TENANT if owned else ALL_TENANTS


def _table(entities: Entities, dimension: Dimension | None = None) -> tuple[type[Rollup], str]:
    """The table, and which of its sums: each key's own where keys matter, as coarse as the question allows, else those
    of all keys together."""
    if entities.tag is not None or dimension == "tag":
        return TagRollup, ""
    if entities.key_id is None and dimension != "key":
        return RequestRollup, f"r.key_id = {ALL_KEYS}"
    whatever = (entities.provider, entities.model, entities.policy) == (None,) * 3 and dimension in _OF_KEYS
    return (KeyRollup, "") if whatever else (RequestRollup, f"r.key_id > {ALL_KEYS}")


def _bounds(entities: Entities) -> dict[str, int | str | None]:
    return {name: value for name, value in structs.asdict(entities).items() if name != "tenant_id"}
