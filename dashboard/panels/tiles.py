"""How much, how well, at what cost: the figures of the range at a glance, with the period before beside them."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct, structs

from dashboard.drawing import sparkline
from dashboard.formatting import (
    NO_EARLIER,
    against,
    count,
    counted,
    duration,
    exact_dollars,
    money,
    percent,
    share_of,
    tokens,
)
from dashboard.latencies import timed, untimed
from dashboard.panels.base import Panel
from dashboard.savingstile import Tile, savings_tile
from dashboard.scope import Scope
from usage.selectors import Spend, Totals, percentile_series, series

Sums = TypeVar("Sums", bound=Spend)


class Tiles(Struct, frozen=True):
    tiles: tuple[Tile, ...]


class TilesPanel(Panel):
    """Requests with their tokens, success with what was lost, cost, savings, time to first token, failovers."""

    name = "tiles"
    title = "How is it going?"
    page = "home"
    order = 10
    frame = False
    formula = (
        "Success = answered / (requests − refused − those whose client left). Errors = failed + interrupted. "
        "Failed over = requests that another than the first choice served or tried. Cost is of priced requests. "
        "Savings are those of the page of that name against the dearest eligible candidate. "
        "The change is against the period of the same length before, unless compare=off; p95 needs 20 samples."
    )

    def data(self, scope: Scope) -> Tiles:
        period = scope.period
        before, *buckets = scope.ask(series, (period.before, *period.buckets), scope.entities)
        now = total(buckets)
        tiles = (
            _requests(scope, now, before, buckets),
            _success(scope, now, before, buckets),
            _cost(scope, now, before, buckets),
            savings_tile(scope),
            _first_token(scope),
            _failovers(scope, now, before, buckets),
        )
        return Tiles(tiles)


def total(parts: Sequence[Sums]) -> Sums:
    """The sum of buckets that make up a range: at least one."""
    columns = zip(*(structs.astuple(part) for part in parts), strict=True)
    return type(parts[0])(*(sum(column) for column in columns))


def _requests(scope: Scope, now: Totals, before: Totals, buckets: list[Totals]) -> Tile:
    note = _against(scope, now, before, _of("requests"), count)
    exact = f"{count(now.prompt_tokens)} tokens in, {count(now.completion_tokens)} out"
    both, points = now.prompt_tokens + now.completion_tokens, _course(buckets, _of("requests"))
    caveat = f"{tokens(both)} tokens" if both else ""
    was = _was(scope, before, _of("requests"), count)
    return Tile("Requests", count(now.requests), exact, note, points, scope.link("requests"), caveat, was)


def _success(scope: Scope, now: Totals, before: Totals, buckets: list[Totals]) -> Tile:
    earlier = f"before: {percent(before.success)}" if before.requests else NO_EARLIER
    waited, lost = now.requests - now.rejected - now.cancelled, now.failed + now.interrupted
    exact = f"{count(now.answered)} of {count(waited)} waited for"
    exact += f"; {count(now.failed)} failed, {count(now.interrupted)} interrupted" if lost else ""
    points, note = _course(buckets, lambda part: part.success), earlier if scope.compares else ""
    caveat = counted(lost, "error") if lost else ""
    address = scope.link("requests", status="errors") if lost else scope.link("reliability")
    return Tile("Success", percent(now.success), exact, note, points, address, caveat)


def _cost(scope: Scope, now: Totals, before: Totals, buckets: list[Totals]) -> Tile:
    cost = now.known_cost_nano_usd
    note = _against(scope, now, before, lambda part: part.known_cost_nano_usd, money)
    points = _course(buckets, _of("cost_nano_usd"))
    caveat = f"{count(now.unpriced)} without a price" if now.unpriced else ""
    was = _was(scope, before, lambda part: part.known_cost_nano_usd, money)
    return Tile("Cost", money(cost), exact_dollars(cost), note, points, scope.link("cost"), caveat, was)


def _failovers(scope: Scope, now: Totals, before: Totals, buckets: list[Totals]) -> Tile:
    note = _share(scope, now, before, _of("failed_over"))
    points = _course(buckets, _of("failed_over"))
    exact = f"{count(now.failovers)} failovers in {count(now.failed_over)} requests"
    was, address = _was(scope, before, _of("failed_over"), count), scope.link("requests", status="failover")
    return Tile("Failed over", count(now.failed_over), exact, note, points, address, before=was)


def _first_token(scope: Scope) -> Tile:
    period = scope.period
    asked = (period.span, period.before, *period.course)
    now, before, *buckets = scope.ask(percentile_series, "ttft", asked, **timed(scope))
    note = against(now.p95, before.p95, before.n, duration) if scope.compares and now.p95 is not None else ""
    unknown = untimed(scope)
    caveat = f"whatever the {' and '.join(unknown)}" if unknown else f"{now.n} of 20 samples" if now.p95 is None else ""
    points = sparkline([part.p95 for part in buckets])
    exact = f"{counted(now.n, 'sample')}; p50 {duration(now.p50)}, p99 {duration(now.p99)}"
    was = f"before: {duration(before.p95)}" if scope.compares and before.p95 is not None else ""
    return Tile("First token, p95", duration(now.p95), exact, note, points, scope.link("latency"), caveat, was)


def _share(scope: Scope, now: Totals, before: Totals, value: Callable[[Totals], int]) -> str:
    said = f"{percent(share_of(value(now), now.requests))} of requests" if now.requests else "none"
    return ", ".join(filter(None, (said, _against(scope, now, before, value, count))))


def _against(
    scope: Scope, now: Totals, before: Totals, value: Callable[[Totals], int | None], write: Callable[[int | None], str]
) -> str:
    """How a figure was before; empty where the page does not compare."""
    return against(value(now), value(before), before.requests, write) if scope.compares else ""


def _was(
    scope: Scope, before: Totals, value: Callable[[Totals], int | None], write: Callable[[int | None], str]
) -> str:
    return f"before: {write(value(before))}" if scope.compares and before.requests else ""


def _of(field: str) -> Callable[[Totals], int]:
    return lambda part: getattr(part, field)


def _course(buckets: Sequence[Totals], value: Callable[[Totals], float | None]) -> str:
    return sparkline([value(part) for part in buckets])
