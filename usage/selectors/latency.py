"""How fast, and how bad is the tail? Percentiles of answered requests, to about 6 %, with the number behind them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Final, Literal

from msgspec import Struct

from usage.fold import ATTEMPT_TOTAL, ATTEMPT_TTFT, OVERHEAD, TPOT
from usage.ranges import TimeRange
from usage.rollups import ALL_TENANTS, LatencyRollup
from usage.scale import ENOUGH_SAMPLES, lower_ms, percentile_ms
from usage.selectors.sums import read
from usage.selectors.whose import EACH_TENANT, Whose

# The first three are of requests as their callers felt them, by tenant; the others are kept for all tenants together.
Metric = Literal["ttft", "total", "failover_delay", "overhead", "attempt_ttft", "attempt_total", "tpot"]
By = Literal["provider", "model", "deployment", "tenant"]

WITHOUT_TENANT: Final = frozenset({OVERHEAD, ATTEMPT_TTFT, ATTEMPT_TOTAL, TPOT})
_COLUMNS: Final[dict[By, tuple[str, ...]]] = {
    "provider": ("provider",),
    "model": ("model",),
    "deployment": ("provider", "model"),
    "tenant": ("tenant_id",),
}


_DEPLOYMENTS: Final = "r.provider > ''"  # as the index of these says it
_ALL_DEPLOYMENTS: Final = "r.provider = '' AND r.model = ''"


class Percentiles(Struct, frozen=True):
    """Milliseconds, None with fewer than twenty samples; `value` as in `totals.Group`, None for all together.

    `middle` is the median of 1 to 19 samples, which says little: to show that there were some, and about where.
    """

    value: int | str | None
    n: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    middle: float | None = None

    def at(self, percentile: int) -> float | None:
        """p50, p95 or p99."""
        return {50: self.p50, 95: self.p95, 99: self.p99}[percentile]


def percentiles(
    metric: Metric,
    period: TimeRange,
    by: By | None = None,
    *,
    tenant_id: Whose = None,
    provider: str | None = None,
    model: str | None = None,
) -> list[Percentiles]:
    """Of each value of `by`, most samples first; one for all together without `by`.

    Raises `ValueError` for a metric that is not kept by tenant with `tenant_id` or `by="tenant"`.
    """
    slots = _slots(metric, [period], by, tenant_id, {"provider": provider, "model": model})
    if by is None:
        return [_percentiles(None, slots.get((0, None), {}))]
    found = [_percentiles(value, counts) for (_, value), counts in slots.items()]
    return sorted(found, key=lambda one: (-one.n, str(one.value)))


def percentile_series(
    metric: Metric,
    buckets: Sequence[TimeRange],
    *,
    tenant_id: Whose = None,
    provider: str | None = None,
    model: str | None = None,
) -> list[Percentiles]:
    """Of each bucket, in order."""
    slots = _slots(metric, buckets, None, tenant_id, {"provider": provider, "model": model})
    return [_percentiles(None, slots.get((position, None), {})) for position in range(len(buckets))]


def percentile_series_by(
    metric: Metric,
    buckets: Sequence[TimeRange],
    by: By,
    *,
    tenant_id: Whose = None,
    provider: str | None = None,
    model: str | None = None,
    only: Collection[str] | None = None,
) -> dict[int | str, tuple[Percentiles, list[Percentiles]]]:
    """Of each value of `by`: over all buckets together, and of each bucket, in order; `only`: of these deployments."""
    slots = _slots(metric, buckets, by, tenant_id, {"provider": provider, "model": model}, only)
    whole: dict[int | str, Counter[int]] = defaultdict(Counter)
    for (_, value), counts in slots.items():
        if value is not None and (only is None or value in only):
            whole[value].update(counts)
    return {
        value: (
            _percentiles(value, counts),
            [_percentiles(value, slots.get((place, value), {})) for place in range(len(buckets))],
        )
        for value, counts in whole.items()
    }


def slower_than(
    metric: Metric, buckets: Sequence[TimeRange], bounds_ms: Mapping[str, float]
) -> dict[str, list[tuple[int, int]]]:
    """How many samples of each deployment in `bounds_ms` exceed its bound, and how many there are, bucket by bucket."""
    found = {name: [(0, 0)] * len(buckets) for name in bounds_ms}
    slots = _slots(metric, buckets, "deployment", None, {}, only=list(bounds_ms))
    for (position, value), counts in slots.items():
        if isinstance(value, str) and value in bounds_ms:
            over = sum(count for slot, count in counts.items() if lower_ms(slot + 0.5) > bounds_ms[value])
            found[value][position] = over, sum(counts.values())
    return found


def percentile_week(
    metric: Metric,
    period: TimeRange,
    zone: tzinfo,
    *,
    tenant_id: Whose = None,
    provider: str | None = None,
    model: str | None = None,
) -> dict[tuple[int, int], Percentiles]:
    """Of each hour of the week by `zone`'s clock that has samples: (0 for Monday to 6, 0 to 23)."""
    hours = period.buckets(timedelta(hours=1), zone)
    together: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for (position, _), counts in _slots(metric, hours, None, tenant_id, {"provider": provider, "model": model}).items():
        local = hours[position].start.astimezone(zone)
        together[local.weekday(), local.hour].update(counts)
    return {when: _percentiles(None, counts) for when, counts in together.items()}


def _slots(
    metric: Metric,
    buckets: Sequence[TimeRange],
    by: By | None,
    tenant_id: Whose,
    where: dict[str, str | None],
    only: Collection[str] | None = None,
) -> dict[tuple[int, int | str | None], dict[int, int]]:
    """Counts by slot of the scale, for each bucket and value."""
    if metric in WITHOUT_TENANT and (tenant_id is not None or by == "tenant"):
        raise ValueError(f"{metric} is kept for all tenants together only")
    columns = _COLUMNS[by] if by else ()
    parts = [name.partition("/") for name in only or ()]  # names of both kinds: more pairs of them than are asked for
    among = {"provider": {part[0] for part in parts}, "model": {part[2] for part in parts}} if only is not None else {}
    shared = EACH_TENANT if by == "tenant" else ALL_TENANTS
    found: dict[tuple[int, int | str | None], dict[int, int]] = defaultdict(dict)
    for position, key, sums in read(
        LatencyRollup,
        buckets,
        tenant=shared if tenant_id is None else tenant_id,
        where={"metric": metric, **where},
        level=_DEPLOYMENTS
        if by in ("provider", "model", "deployment") or any(one is not None for one in where.values())
        else _ALL_DEPLOYMENTS,
        only=among,
        group=(*columns, "slot"),
        sums=("requests",),
    ):
        found[position, _value(key[:-1])][key[-1]] = sums[0]
    return found


def _value(key: tuple[int | str, ...]) -> int | str | None:
    if len(key) > 1:
        return "/".join(map(str, key)).removesuffix("/")
    return key[0] if key else None


def _percentiles(value: int | str | None, counts: Mapping[int, int]) -> Percentiles:
    n = sum(counts.values())
    p50, p95, p99 = (percentile_ms(counts, share) for share in (0.5, 0.95, 0.99))
    middle = percentile_ms(counts, 0.5, enough=1) if n < ENOUGH_SAMPLES else None
    return Percentiles(value, n, p50, p95, p99, middle)
