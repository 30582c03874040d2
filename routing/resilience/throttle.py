"""How many calls should a provider be spared that refuses many? Adaptive throttling on the caller's side.

A call is kept back with the probability max(0, (requests - K * accepts) / (requests + 1)) over the last two minutes,
with K = 2 (Google, Site Reliability Engineering, chapter 21, "Handling Overload"): as long as half of the calls are
accepted, none is kept back. Requests are those that were sent, not those that were kept back. One that is still under
way is neither accepted nor refused yet and does not count: an answer may take minutes, and slow is not overloaded.
"""

from typing import Final

from routing.resilience.window import Window

SPAN_S: Final = 120.0
K: Final = 2.0
ENOUGH: Final = 10  # requests in the window: of an idle provider a single failure would turn every second caller away


class Throttle:
    """The throttle of one provider."""

    __slots__ = ("_window",)

    def __init__(self) -> None:
        self._window = Window(SPAN_S, buckets=12)

    def accepted(self, now: float) -> None:
        """The upstream took a request on, whatever it answered."""
        self._window.add(now, good=1)

    def refused(self, now: float) -> None:
        """The upstream was too busy, too slow, or not there."""
        self._window.add(now, bad=1)

    def kept_back(self, now: float) -> float:
        """The probability, 0 to 1, with which the next call should not be sent."""
        self._window.turn(now)
        return probability(self._window.good + self._window.bad, self._window.good)

    def clear(self) -> None:
        """Forget: a probe has shown that the provider is well again."""
        self._window.clear()

    def idle(self, now: float) -> bool:
        self._window.turn(now)
        return not self._window.good and not self._window.bad


def probability(requests: int, accepts: int) -> float:
    """The formula; 0 where too little is known."""
    if requests < ENOUGH:
        return 0.0
    return max(0.0, (requests - K * accepts) / (requests + 1))
