"""What we measured of each deployment: recent attempts of this process, on top of stored profiles.

Averages forget with a half-life, so that yesterday does not outvote this minute. Of times to first token the last ones
are kept as they are, for the percentile that hedging waits for.
"""

import math
from array import array
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from providers.attempts import Marks
from providers.targets import Target
from routing.calibration import Calibrations

HALF_LIFE_S: Final = 300.0
BLEND: Final = 0.2  # weight of the newest sample in a moving average
SAMPLES: Final = 128  # times to first token that are kept
ENOUGH: Final = 20  # of them to speak of a percentile
BENEFIT_OF_DOUBT: Final = 5.0  # successes that an unproven deployment is credited with


class Evidence(Struct):
    """Moving figures of one deployment; None until measured."""

    ttft_ms: float | None = None
    ms_per_token: float | None = None
    ok: float = 0.0  # decayed counts of attempts
    failed: float = 0.0
    seen_at: float = 0.0  # time.monotonic() seconds
    timed_at: float | None = None  # when `ttft_ms` was last measured; None: nobody said
    here: bool = False  # `ttft_ms` was measured by this process, not stored

    def uptime(self, now: float) -> float:
        """The recent share of attempts that succeeded, credited with a few successes."""
        fade = 0.5 ** ((now - self.seen_at) / HALF_LIFE_S) if self.seen_at else 0.0
        ok, failed = self.ok * fade, self.failed * fade
        return (ok + BENEFIT_OF_DOUBT) / (ok + failed + BENEFIT_OF_DOUBT)


class Latest:
    """The last samples of a duration, in a ring."""

    __slots__ = ("_seen", "_values")

    def __init__(self) -> None:
        self._values = array("d")
        self._seen = 0

    def add(self, value: float) -> None:
        if len(self._values) < SAMPLES:
            self._values.append(value)
        else:
            self._values[self._seen % SAMPLES] = value
        self._seen += 1

    def percentile(self, share: float) -> float | None:
        """The sample that `share` of all do not exceed (nearest rank); None of too few."""
        if len(self._values) < ENOUGH:
            return None
        return sorted(self._values)[math.ceil(share * len(self._values)) - 1]


class StoredEvidence(Struct, frozen=True):
    """What a stored latency profile says; None is unknown."""

    ttft_ms: float | None = None
    ms_per_token: float | None = None
    ttft_p95_ms: float | None = None
    measured_at: float | None = None  # time.monotonic() seconds


class Residency(Struct, frozen=True):
    """Which deployments local servers had in memory at the last look at each, in time.monotonic() seconds."""

    loaded: frozenset[int] = frozenset()  # deployment ids
    looked_at: Mapping[str, float] = {}  # by provider

    def of(self, target: Target, now: float) -> tuple[bool | None, float | None]:
        """Whether it is in memory, and how many seconds ago that was seen; None where nobody said."""
        at = self.looked_at.get(target.provider)
        return (None, None) if at is None else (target.id in self.loaded, round(max(now - at, 0.0), 3))


class EvidenceBook:
    """Evidence by deployment id, how each model counts tokens (`calibrations`), and what is in memory (`residency`).

    `changed` says whether anything new came since it was last set to False.
    """

    def __init__(self) -> None:
        self._recent: dict[int, Evidence] = {}
        self._ttfts_ms: dict[int, Latest] = {}
        self.stored: Mapping[int, StoredEvidence] = {}
        self.calibrations = Calibrations()
        self.residency = Residency()
        self.changed = False

    def observe(
        self,
        deployment_id: int,
        now: float,
        *,
        ok: bool,
        ttft_ms: float | None = None,
        ms_per_token: float | None = None,
    ) -> None:
        """Take in one attempt."""
        seen = self._recent.get(deployment_id)
        if seen is None:
            seen = self._recent[deployment_id] = Evidence(seen_at=now)
        fade = 0.5 ** ((now - seen.seen_at) / HALF_LIFE_S)
        seen.ok = seen.ok * fade + ok
        seen.failed = seen.failed * fade + (not ok)
        seen.seen_at = now
        if ttft_ms is not None:
            self._ttfts_ms.setdefault(deployment_id, Latest()).add(ttft_ms)
            seen.timed_at, seen.here = now, True
            seen.ttft_ms = ttft_ms if seen.ttft_ms is None else seen.ttft_ms + BLEND * (ttft_ms - seen.ttft_ms)
        if ms_per_token is not None:
            old = seen.ms_per_token
            seen.ms_per_token = ms_per_token if old is None else old + BLEND * (ms_per_token - old)
        self.changed = True

    def of(self, deployment_id: int) -> Evidence:
        """The figures of one deployment: measured here, else stored, else unknown."""
        recent = self._recent.get(deployment_id)
        stored = self.stored.get(deployment_id)
        if stored is None:
            return recent or Evidence()
        if recent is None:
            return Evidence(stored.ttft_ms, stored.ms_per_token, timed_at=stored.measured_at)
        return Evidence(
            stored.ttft_ms if recent.ttft_ms is None else recent.ttft_ms,
            stored.ms_per_token if recent.ms_per_token is None else recent.ms_per_token,
            recent.ok,
            recent.failed,
            recent.seen_at,
            recent.timed_at if recent.here else stored.measured_at,
            recent.here,
        )

    def ttft_p95_ms(self, deployment_id: int) -> float | None:
        """The time by which 95 % of a deployment's answers begin: of the last ones here, else as stored."""
        latest, stored = self._ttfts_ms.get(deployment_id), self.stored.get(deployment_id)
        here = latest.percentile(0.95) if latest else None
        return here if here is not None or stored is None else stored.ttft_p95_ms


def speed(marks: Marks, completion_tokens: int, now: float) -> tuple[float | None, float | None]:
    """Time to first token and time per token, both in ms, of an attempt that worked; None where it does not say."""
    if marks.first_token is None:
        return None, (marks.waited_s * 1000 / completion_tokens if completion_tokens else None)
    ttft_ms = (marks.first_token - marks.sent) * 1000
    return ttft_ms, ((now - marks.first_token) * 1000 / completion_tokens if completion_tokens > 1 else None)
