"""How is a budget's outlook drawn, and said in words?"""

from datetime import UTC, datetime, timedelta
from typing import Final

from dashboard.charts import Chart, Series, Unit
from dashboard.formatting import money, tokens
from dashboard.outlooks import HOUR, Outlook
from tenants.budgets import USD
from tenants.periods import Period
from tenants.selectors import BudgetState
from usage.selectors import TimeRange

HIGHEST: Final = 1.5  # of the limit: beyond that a forecast says nothing more
AHEAD: Final = 30  # steps, where there is no reset


def amount(state: BudgetState, value: int) -> str:
    """In the budget's unit: `$12.40`, `12.3k tokens`."""
    return money(value) if state.unit == USD else f"{tokens(value)} tokens"


def limit_of(state: BudgetState) -> str:
    """`$25.00 per month`."""
    return f"{amount(state, state.limit)} {Period(state.period).phrase}"


def name_of(state: BudgetState) -> str:
    """`team: $25.00 per month, key ci`."""
    return f"{state.tenant}: {limit_of(state)}{part_of(state)}"


def part_of(state: BudgetState) -> str:
    """Of which key and tag it is; empty: of all that its tenant asks."""
    return "".join((f", key {state.key}" if state.key else "", f", tag {state.tag}" if state.tag else ""))


def said(outlook: Outlook) -> str:
    """`runs out on 27 Nov (24 to 30)`, `holds until its reset`, or why nobody knows."""
    until = "its reset" if outlook.resets else "a year from now"
    match outlook.level:
        case "spent":
            return "is spent"
        case "unknown":
            return f"unknown: {outlook.reason}"
        case "short":
            return f"runs out {_at(outlook, outlook.runs_out)} ({_interval(outlook)})"
        case "tight":
            return f"holds until {until}, if spending does not rise: else runs out {_at(outlook, outlook.earliest)}"
    if outlook.forecast and not outlook.forecast.mean:
        return f"holds: nothing was spent in the last {outlook.forecast.steps} {_steps(outlook)}"
    return f"holds until {until}"


def burn_down(outlook: Outlook) -> Chart | None:
    """What was spent up to each step, the limit, and the forecast with its band up to the reset."""
    if not outlook.course:
        return None
    past, ahead = outlook.course, drawable(outlook)
    labels = tuple(_label(outlook, instant) for instant, _ in past[:-1]) + ("now",)
    labels += tuple(_label(outlook, instant) for instant in ahead)
    gap = (None,) * len(ahead)
    limit = Series("Limit", (outlook.state.limit,) * len(labels), "bad", "line")
    spent = Series("Spent", (*(value for _, value in past), *gap), 0, "line")
    drawn: tuple[Series, ...] = (limit, spent)
    if outlook.forecast and ahead:
        low, middle, high = (_drawn(outlook, ahead, side) for side in (-1, 0, 1))
        drawn += (Series("At least", low, 6, "line"), Series("At most", high, 6, "line", band=True))
        drawn += (Series("Forecast", middle, 0, "line", dashed=True),)
    unit: Unit = "usd" if outlook.state.unit == USD else "tokens"
    sentence = f"{amount(outlook.state, outlook.state.spent)} of {amount(outlook.state, outlook.state.limit)} spent; "
    return Chart(f"budget-{outlook.state.id}", unit, labels, drawn, f"{sentence}{said(outlook)}.", stacked=False)


def drawable(outlook: Outlook) -> list[datetime]:
    """The instants ahead without those of which no line of the forecast would say anything: the axis ends where the
    lines do."""
    if outlook.forecast is None:
        return []
    ahead = _ahead(outlook)
    least = _drawn(outlook, ahead, -1)[len(outlook.course) :]
    return ahead[: sum(value is not None for value in least)]


def _drawn(outlook: Outlook, ahead: list[datetime], side: int) -> tuple[float | None, ...]:
    """From now on; what is far above the limit is left out."""
    found, spent, top = outlook.forecast, outlook.state.spent, outlook.state.limit * HIGHEST
    assert found is not None
    values = [round(spent + found.spend((instant - outlook.now) / outlook.step, side)) for instant in ahead]
    before = (None,) * (len(outlook.course) - 1)
    return (*before, spent, *(value if value <= top else None for value in values))


def _ahead(outlook: Outlook) -> list[datetime]:
    """The ends of the steps from now to the reset, by the tenant's clock."""
    end = outlook.resets.astimezone(UTC) if outlook.resets else outlook.now + AHEAD * outlook.step
    start = outlook.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    if start >= end:
        return []
    return [each.end for each in TimeRange(start, end).buckets(outlook.step, outlook.zone)]


def _label(outlook: Outlook, instant: datetime) -> str:
    """An instant by the tenant's clock."""
    return instant.astimezone(outlook.zone).strftime("%H:%M" if outlook.step == HOUR else "%-d %b")


def _at(outlook: Outlook, instant: datetime | None) -> str:
    if instant is None:
        return "later"
    return f"at {instant:%H:%M}" if outlook.step == HOUR else f"on {_day(instant, outlook.now)}"


def _interval(outlook: Outlook) -> str:
    early, late, expected = outlook.earliest, outlook.latest, outlook.runs_out
    assert early is not None and expected is not None
    if outlook.step == HOUR:
        first, last = f"{early:%H:%M}", late and f"{late:%H:%M}"
    else:
        same = (early.year, early.month) == (expected.year, expected.month)
        first = f"{early:%-d}" if same else _day(early, outlook.now)
        last = late and (f"{late:%-d}" if late.month == expected.month == early.month else _day(late, outlook.now))
    if outlook.resets and (late is None or late >= outlook.resets):
        return f"{first} at the earliest, or not before its reset"
    return f"{first} to {last}" if last else f"{first} at the earliest"


def _day(instant: datetime, now: datetime) -> str:
    far = instant - now > timedelta(days=300)
    return f"{instant:%-d %b %Y}" if far else f"{instant:%-d %b}"


def _steps(outlook: Outlook) -> str:
    return "hours" if outlook.step == HOUR else "days"
