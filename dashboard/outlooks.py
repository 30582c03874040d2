"""How does each budget stand, what did it spend until now, and when will it run out?"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import accumulate
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from dashboard.scope import Scope
from tenants.budgets import USD
from tenants.forecasts import ENOUGH, Forecast, forecast, since_it_began
from tenants.periods import Period
from tenants.selectors import BudgetState, budget_states
from usage.selectors import TimeRange, Totals, series_by, series_of_tags, tags_kept_since

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
QUARTER_S: Final = 900
STEPS: Final = {DAY: 14, HOUR: 24}  # how many of them are looked back upon
FARTHEST: Final = timedelta(days=365)  # nobody knows what is spent then
LONGEST_COURSE: Final = timedelta(days=60)

Level = Literal["spent", "short", "tight", "holds", "unknown"]
URGENT: Final[Sequence[Level]] = ("spent", "short", "tight", "unknown", "holds")


class Outlook(Struct, frozen=True):
    """One budget. `course` holds what was spent up to each instant, the last one now; without one `reason` says why."""

    state: BudgetState
    now: datetime
    course: tuple[tuple[datetime, int], ...] = ()
    forecast: Forecast | None = None
    reason: str = ""  # why nothing is forecast

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.state.zone)

    @property
    def step(self) -> timedelta:
        return step_of(self.state.period)

    @property
    def starts(self) -> datetime:
        return datetime.fromtimestamp(self.state.counted_from, self.zone)

    @property
    def resets(self) -> datetime | None:
        end = self.state.span.end
        return None if end is None else datetime.fromtimestamp(end, self.zone)

    @property
    def left(self) -> int:
        """What is not spent, and may be held."""
        return self.state.limit - self.state.spent

    @property
    def runs_out(self) -> datetime | None:
        """When it is expected to be spent, were there no reset; None: not within a year, or unknown."""
        return self._ends(0)

    @property
    def earliest(self) -> datetime | None:
        return self._ends(1)

    @property
    def latest(self) -> datetime | None:
        return self._ends(-1)

    @property
    def level(self) -> Level:
        """How bad it looks: `tight` is what runs out only if much is spent."""
        if self.left <= 0:
            return "spent"
        if self.forecast is None:
            return "unknown"
        if self._before_reset(self.runs_out):
            return "short"
        return "tight" if self._before_reset(self.earliest) else "holds"

    def _before_reset(self, instant: datetime | None) -> bool:
        return instant is not None and (self.resets is None or instant < self.resets)

    def _ends(self, side: int) -> datetime | None:
        steps = self.forecast.lasts(self.left, side) if self.forecast else None
        if steps is None or steps * self.step > FARTHEST:
            return None
        return (self.now + steps * self.step).astimezone(self.zone)


def step_of(period: str) -> timedelta:
    return HOUR if period == Period.DAY else DAY


def outlooks_of(scope: Scope) -> list[Outlook]:
    """Every budget of the tenants that this page is about, the most urgent first."""
    asked = scope.word("tenant")
    shown = {asked} if asked else set(scope.tenants.values()) - scope.samples
    visible = frozenset(pk for pk, name in scope.tenants.items() if name in shown)
    return scope.ask(outlooks, scope.period.now, visible)


def outlooks(now: datetime, tenants: frozenset[int]) -> list[Outlook]:
    """The budgets of these tenants, the most urgent first, in six queries at most."""
    states = [state for state in budget_states(now, apart=True) if state.tenant_id in tenants]
    spends = _spends(states, now)
    found = [_outlook(state, now, spends) for state in states]
    far = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda one: (URGENT.index(one.level), one.runs_out or far, one.state.name))


class Spends(Struct, frozen=True):
    """What each tenant, and each key, spent in each of these ranges."""

    ranges: dict[TimeRange, int]  # position
    tenants: dict[int | str, list[Totals]]
    keys: dict[int | str, list[Totals]]
    tags: dict[tuple[int, str], list[Totals]]
    tags_since: datetime | None = None  # the first hour with sums by tag

    def known(self, state: BudgetState, ranges: Sequence[TimeRange]) -> list[TimeRange]:
        """Those of which sums are kept: by tag not always."""
        since = self.tags_since
        return [each for each in ranges if not state.tag or (since is not None and each.start >= since)]

    def of(self, state: BudgetState, ranges: Sequence[TimeRange]) -> list[int]:
        if state.tag:
            parts = self.tags.get((state.tenant_id, state.tag))
        else:
            whose, pk = (self.tenants, state.tenant_id) if state.key_id is None else (self.keys, state.key_id)
            parts = whose.get(pk)
        return [_amount(state, parts[self.ranges[each]]) if parts else 0 for each in ranges]


def _amount(state: BudgetState, totals: Totals) -> int:
    return totals.cost_nano_usd if state.unit == USD else totals.prompt_tokens + totals.completion_tokens


def _spends(states: Sequence[BudgetState], now: datetime) -> Spends:
    """Three questions at most, however many budgets there are."""
    told = [state for state in states if not _of_key_and_tag(state)]
    ranges = list(dict.fromkeys(each for state in told for each in (*_past(state, now), *_course(state, now))))
    tenants = {state.tenant_id for state in told if state.key_id is None and not state.tag}
    tagged = [state for state in told if state.tag]
    keys = {state.key_id for state in told if state.key_id is not None}
    return Spends(
        {each: position for position, each in enumerate(ranges)},
        series_by("tenant", ranges, only=tenants) if tenants else {},
        series_by("key", ranges, only=keys) if keys else {},
        series_of_tags(ranges, frozenset(each.tenant_id for each in tagged), {each.tag for each in tagged})
        if tagged
        else {},
        tags_kept_since() if tagged else None,
    )


def _of_key_and_tag(state: BudgetState) -> bool:
    """No sums are kept by both."""
    return bool(state.tag) and state.key_id is not None


def _past(state: BudgetState, now: datetime) -> list[TimeRange]:
    """Steps of equal length, the oldest first, and what has come behind them since the last quarter of an hour."""
    step = step_of(state.period)
    end = datetime.fromtimestamp(int(now.timestamp()) // QUARTER_S * QUARTER_S, UTC)
    whole = [TimeRange.around(end - n * step, end - (n - 1) * step, now) for n in range(STEPS[step], 0, -1)]
    return [*whole, TimeRange.around(end, now, now)]


def _course(state: BudgetState, now: datetime) -> list[TimeRange]:
    """From the window's beginning until now, step by step of the tenant's clock."""
    start = max(datetime.fromtimestamp(state.counted_from, UTC), now - LONGEST_COURSE)
    return TimeRange.around(start, now, now).buckets(step_of(state.period), ZoneInfo(state.zone))


def _outlook(state: BudgetState, now: datetime, spends: Spends) -> Outlook:
    if _of_key_and_tag(state):
        return Outlook(state, now, reason="no sums are kept by key and tag together, only the total")
    course = spends.known(state, _course(state, now))
    # What has come last is no whole step, but it can be what the spending began with.
    behind = since_it_began(spends.of(state, spends.known(state, _past(state, now))))[:-1]
    found, reason = forecast(behind), _too_few(state, len(behind))
    if not course:
        return Outlook(state, now, reason=reason)
    sums = accumulate(reversed(spends.of(state, course)), lambda spent, part: spent - part, initial=state.spent)
    curve = [max(amount, 0) for amount in reversed(list(sums))]
    instants = [datetime.fromtimestamp(state.counted_from, UTC), *(each.end for each in course[:-1]), now]
    instants[0] = max(instants[0], course[0].start)
    return Outlook(state, now, tuple(zip(instants, curve, strict=True)), found, "" if found else reason)


def _too_few(state: BudgetState, steps: int) -> str:
    unit = "hour" if step_of(state.period) == HOUR else "day"
    return f"{steps} whole {unit}{'' if steps == 1 else 's'} of spend so far, {ENOUGH} are needed"
