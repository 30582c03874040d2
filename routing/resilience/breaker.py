"""When is something that fails left alone, and when is it tried again? One circuit breaker, pure.

Closed, it counts. It opens after some failures in a row, or when half of at least twenty calls in half a minute failed.
Open, it lets nobody through until its cooldown ends; then it is half open and lets one probe through at a time. A probe
that works closes it; one that fails opens it for longer. Ejections are forgotten slowly, one per quiet minute, so that
what flaps is left alone for longer and longer, up to a cap.
"""

from collections.abc import Callable
from math import inf
from typing import Final, Literal

from routing.resilience.window import Window

FAILURES_IN_A_ROW: Final = 5
WINDOW_S: Final = 30.0
ENOUGH_CALLS: Final = 20
FAILED_SHARE: Final = 0.5
FIRST_COOLDOWN_S: Final = 2.0
LONGEST_COOLDOWN_S: Final = 60.0
MOST_EJECTIONS: Final = 6  # more would not lengthen the cooldown
FORGIVEN_S: Final = 60.0  # closed for so long, one ejection is forgotten
JITTER: Final = 0.2  # of the cooldown, either way: those that failed together need not be probed together

State = Literal["closed", "open", "half_open"]
Jitter = Callable[[float, float], float]  # draws evenly between two


class Breaker:
    """The breaker of a deployment or a provider; times are `time.monotonic()` seconds."""

    __slots__ = (
        "_threshold", "_window", "began", "claimed_until", "ejections", "failures", "probe_until", "reason", "since",
        "until",
    )  # fmt: skip

    def __init__(self, threshold: int = FAILURES_IN_A_ROW) -> None:
        self._threshold = threshold
        self._window = Window(WINDOW_S)
        self.failures = 0  # in a row
        self.ejections = 0
        self.since = 0.0  # of the last change; what was sent before says nothing about the time after
        self.began: float | None = None  # when it opened first since it was last closed; None: closed
        self.until: float | None = None  # end of the cooldown; None: closed
        self.probe_until = 0.0  # while a probe is under way: when it is given up for lost
        self.claimed_until = inf  # until when this worker may send the probe; inf: no other worker would
        self.reason = ""

    def state(self, now: float) -> State:
        if self.until is None:
            return "closed"
        return "open" if now < self.until else "half_open"

    def lets_through(self, now: float) -> bool:
        """Whether a call may be sent now."""
        return self.until is None or (self.until <= now < self.claimed_until and self.probe_until <= now)

    def sent(self, now: float, longest_s: float) -> None:
        """A call is being sent, which takes `longest_s` seconds at most; half open, it is the probe."""
        if self.until is not None and self.until <= now:
            self.probe_until = now + longest_s

    def succeeded(self, now: float, sent: float) -> bool:
        """A call that was sent then has worked; whether that closed the breaker."""
        if sent < self.since:
            return False
        self.failures = 0
        if self.until is None:
            self._window.add(now, good=1)
            return False
        self.close(now)
        return True

    def failed(self, now: float, sent: float, why: str, jitter: Jitter, *, at_once: bool = False) -> bool:
        """A call that was sent then has failed; whether that opened the breaker, which needs no second if `at_once`."""
        if sent < self.since:
            return False
        self.failures += 1
        self.reason = f"{why}, {self.failures} in a row"
        if self.until is None:
            self._window.add(now, bad=1)
            if not (at_once or self._has_enough()):
                return False
            self.ejections = max(self.ejections - int((now - self.since) / FORGIVEN_S), 0)
        elif now < self.until:
            return False
        self._open(now, jitter)
        return True

    def abandoned(self) -> None:
        """A call was given up and says nothing; was it the probe, another may go."""
        self.probe_until = 0.0

    def close(self, now: float) -> None:
        """Let everybody through again."""
        self.until, self.began, self.since, self.probe_until, self.reason, self.failures = None, None, now, 0.0, "", 0
        self._window.clear()

    def follow(self, until: float, ejections: int, reason: str, now: float) -> None:
        """Open as another worker's breaker did."""
        self.until, self.ejections, self.reason = until, min(ejections, MOST_EJECTIONS), reason
        self.since, self.probe_until = now, 0.0
        self._begin(now)

    def idle(self, now: float) -> bool:
        """Whether nothing is remembered that could ever matter."""
        self._window.turn(now)
        busy = self.failures or self._window.good or self._window.bad
        return self.until is None and not busy and now - self.since > self.ejections * FORGIVEN_S

    def _has_enough(self) -> bool:
        calls = self._window.good + self._window.bad
        return self.failures >= self._threshold or (calls >= ENOUGH_CALLS and self._window.bad >= FAILED_SHARE * calls)

    def _open(self, now: float, jitter: Jitter) -> None:
        cooldown_s = min(FIRST_COOLDOWN_S * 2**self.ejections, LONGEST_COOLDOWN_S)
        self.until = now + cooldown_s * jitter(1 - JITTER, 1 + JITTER)
        self.ejections = min(self.ejections + 1, MOST_EJECTIONS)
        self.since, self.probe_until = now, 0.0
        self._begin(now)

    def _begin(self, now: float) -> None:
        self.began = now if self.began is None else self.began
