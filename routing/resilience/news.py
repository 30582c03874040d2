"""What do workers tell each other about health? Open breakers and barred credentials, each under a name of its own.

A stamp says whether something has changed here since it was told. Between workers times are wall-clock time; what is
taken over is clamped, so that a clock that is wrong does not leave anybody alone for longer than a worker itself would.
"""

from math import inf, isfinite
from typing import Final

import msgspec
from msgspec import Struct

from routing.resilience.breaker import JITTER, LONGEST_COOLDOWN_S
from routing.resilience.credentials import LONGEST_ASKED_REST_S, LONGEST_EXHAUSTED_S, Bar, Kind
from routing.resilience.health import UNASKED_S, Health, Key

ALIKE_S: Final = 0.05  # two clocks never agree: what differs by less is the same
Stamp = tuple[float, str]  # until, as `time.monotonic()`; the mark of a credential's value
LONGEST_S: Final[dict[Kind, float]] = {
    "rate limited": LONGEST_ASKED_REST_S,
    "quota exhausted": LONGEST_EXHAUSTED_S,
    "credential rejected": inf,
}


class Opened(Struct, frozen=True):
    """A breaker that is open, or half open; `until` is wall-clock time."""

    until: float
    ejections: int
    reason: str


class Barred(Struct, frozen=True):
    """A credential that is barred; `until` None: until somebody acts."""

    kind: Kind
    until: float | None
    since: float
    mark: str
    last_four: str


def stamps(health: Health) -> dict[str, Stamp]:
    """What there is to tell: names with stamps."""
    found = {f"{kind}:{number}": (each.until or 0.0, "") for (kind, number), each in health.ejected.items()}
    for (deployment, credential), bar in health.credentials.bars.items():
        found[f"bar:{deployment}:{credential}"] = (bar.until, bar.mark)
    return found


def told(health: Health, name: str, ahead_s: float) -> bytes:
    """One entry as it is told; `ahead_s` is by how much the wall clock is ahead of the monotonic one."""
    kind, _, rest = name.partition(":")
    if kind == "bar":
        bar = health.credentials.bars[_place(rest)]
        until = bar.until + ahead_s if isfinite(bar.until) else None
        return msgspec.json.encode(Barred(bar.kind, until, bar.since + ahead_s, bar.mark, bar.last_four))
    breaker = health.ejected[_key(kind, rest)]
    return msgspec.json.encode(Opened((breaker.until or 0.0) + ahead_s, breaker.ejections, breaker.reason))


def taken_over(health: Health, name: str, value: bytes, now: float, ahead_s: float) -> Stamp | None:
    """Do as another worker did; the stamp that this has here, None where it is over, or known to last longer."""
    kind, _, rest = name.partition(":")
    if kind == "bar":
        return _take_bar(health, rest, msgspec.json.decode(value, type=Barred), now, ahead_s)
    opened, key = msgspec.json.decode(value, type=Opened), _key(kind, rest)
    until = min(opened.until - ahead_s, now + LONGEST_COOLDOWN_S * (1 + JITTER))
    mine = health.ejected.get(key)
    if until < now - UNASKED_S or (mine is not None and (mine.until or 0.0) > until + ALIKE_S):
        return None
    health.follow(key, (until, opened.ejections, opened.reason), now)
    return until, ""


def taken_back(health: Health, name: str, now: float) -> None:
    """Let be what another worker has found to be well again."""
    kind, _, rest = name.partition(":")
    if kind == "bar":
        health.credentials.follow(_place(rest), None)
    else:
        health.follow(_key(kind, rest), None, now)


def _take_bar(health: Health, rest: str, barred: Barred, now: float, ahead_s: float) -> Stamp | None:
    place, longest_s = _place(rest), LONGEST_S[barred.kind]
    until = inf if barred.until is None else min(barred.until - ahead_s, now + longest_s)
    mine = health.credentials.bars.get(place)
    if until <= now or (mine is not None and mine.until > until + ALIKE_S and mine.mark == barred.mark):
        return None
    bar = Bar(barred.kind, until, min(barred.since - ahead_s, now), barred.mark, barred.last_four)
    health.credentials.follow(place, bar)
    return until, barred.mark


def _place(rest: str) -> tuple[int, int]:
    deployment, _, credential = rest.partition(":")
    return int(deployment), int(credential)


def _key(kind: str, rest: str) -> Key:
    return kind, int(rest)
