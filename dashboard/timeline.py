"""In which state was each deployment, slice by slice of a range? What was seen (`routing.statewatch`), and no more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from dashboard.behind import requests_within
from dashboard.formatting import counted
from dashboard.ranges import MINUTES_KEPT, Period
from dashboard.scope import Scope
from usage.ranges import TimeRange
from usage.rollups import MINUTE, QUARTER
from usage.selectors import state_series
from usage.states import NO_DEPLOYMENT, WATCHED

CELLS: Final = 60
TARGETS: Final = 30  # so many links of 24 px stand in a row on a desk: of more cells, each link has two
INSTANT: Final = "%-d %b %H:%M"
HEALTHY, UNKNOWN, OFF = "healthy", "unknown", "off"
WORDS: Final[Mapping[str, str]] = {  # the worst first
    "open": "circuit open",
    "half_open": "half-open",
    "cooldown": "cooling down",
    OFF: "disabled",
    HEALTHY: "healthy",
    UNKNOWN: "not known",
}
SIGNS: Final[Mapping[str, str]] = {"open": "✕", "half_open": "◑", "cooldown": "◔", OFF: "–", HEALTHY: "✓", UNKNOWN: "?"}


class Slice(Struct, frozen=True):
    """One cell: the worst state that any worker saw in it."""

    state: str
    sign: str
    said: str


class Target(Struct, frozen=True):
    """One cell or two neighbours, with the address of the requests that the deployment served in them."""

    cells: tuple[Slice, ...]
    said: str
    address: str


class Spell(Struct, frozen=True):
    """Neighbouring slices of one state."""

    state: str
    period: TimeRange
    first: bool  # it begins with the range
    minutes: int  # in which it was really seen; a slice may be longer


def slices(period: Period) -> tuple[TimeRange, ...]:
    """Sixty parts of the range, or as many as it has minutes (quarters of an hour, of what lies further back)."""
    unit = MINUTE if period.now - period.start < MINUTES_KEPT else QUARTER
    low, high = period.span.seconds
    steps = (high - low) // unit
    number = min(CELLS, steps)
    edges = [low + round(place * steps / number) * unit for place in range(number)] + [high]
    return tuple(TimeRange.of(*pair) for pair in zip(edges, edges[1:], strict=False))


def seen(scope: Scope) -> dict[str, list[dict[str, int]]]:
    """Minutes in each state of what was not always healthy, slice by slice; under '' those in which anybody looked."""
    whose = (scope.tenant_id,) if scope.sample else ()
    return scope.ask(state_series, slices(scope.period), *whose)


def states_of(name: str, found: Mapping[str, list[dict[str, int]]], number: int) -> list[str]:
    """The state of a deployment in each slice: the worst that was seen, healthy where somebody looked and saw none."""
    nothing: list[dict[str, int]] = [{}] * number
    own, watched = found.get(name, nothing), found.get(NO_DEPLOYMENT, nothing)
    return [
        next((state for state in WORDS if cell.get(state)), HEALTHY if looked.get(WATCHED) else UNKNOWN)
        for cell, looked in zip(own, watched, strict=True)
    ]


def since(name: str, state: str, found: Mapping[str, list[dict[str, int]]], scope: Scope) -> datetime | None:
    """When the last unbroken run of slices in this state began; None where the range does not end in one, or where
    nobody knows how it stood before.

    The slice that runs may not be written yet, and does not break it.
    """
    told = spells(name, found, slices(scope.period))
    if told and told[-1].state == UNKNOWN:
        told.pop()
    if len(told) < 2 or told[-1].state != state or told[-2].state == UNKNOWN:
        return None
    return told[-1].period.start


def targets_of(scope: Scope, name: str, found: Mapping[str, list[dict[str, int]]]) -> tuple[Target, ...]:
    """The sixty cells of a deployment, in links that are wide enough to be met."""
    parts = slices(scope.period)
    own = found.get(name, [{}] * len(parts))
    states = states_of(name, found, len(parts))
    cells = [
        Slice(state, SIGNS[state], _said(scope.period, part, state, cell))
        for part, state, cell in zip(parts, states, own, strict=True)
    ]
    step = 1 if len(parts) <= TARGETS else 2
    return tuple(
        _target(scope, name, cells[place : place + step], parts[place : place + step])
        for place in range(0, len(parts), step)
    )


def _target(scope: Scope, name: str, cells: Sequence[Slice], parts: Sequence[TimeRange]) -> Target:
    whole = TimeRange(parts[0].start, parts[-1].end)
    said = "; ".join(cell.said for cell in cells)
    return Target(tuple(cells), said, requests_within(scope, whole, deployment=name))


def spells(name: str, found: Mapping[str, list[dict[str, int]]], parts: Sequence[TimeRange]) -> list[Spell]:
    """The states of a deployment in order."""
    own, told = found.get(name, [{}] * len(parts)), list[Spell]()
    for place, (part, state) in enumerate(zip(parts, states_of(name, found, len(parts)), strict=True)):
        minutes = own[place].get(state, 0)
        if told and told[-1].state == state:
            last = told.pop()
            told.append(Spell(state, TimeRange(last.period.start, part.end), last.first, last.minutes + minutes))
        else:
            told.append(Spell(state, part, place == 0, minutes))
    return told


def _said(period: Period, part: TimeRange, state: str, cell: Mapping[str, int]) -> str:
    """`30 Nov 14:05 to 30 Nov 14:29: circuit open in 1 of 24 minutes`."""
    low, high = (when.astimezone(period.zone).strftime(INSTANT) for when in (part.start, part.end))
    length = int((part.end - part.start).total_seconds()) // MINUTE
    within = f" in {cell[state]:,} of {counted(length, 'minute')}" if cell.get(state) else ""
    return f"{low} to {high}: {WORDS[state]}{within}"
