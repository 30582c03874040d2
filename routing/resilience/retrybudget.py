"""May one more call be a retry? Retries stay below a fifth of what was sent first, so that no storm makes itself."""

from typing import Final

from routing.resilience.window import Window

SPAN_S: Final = 10.0
SHARE: Final = 0.2
ALWAYS: Final = 3  # in each span, however little is sent


class RetryBudget:
    """The retries of one deployment."""

    __slots__ = ("_window",)

    def __init__(self) -> None:
        self._window = Window(SPAN_S)  # good: sent, retries among them; bad: retries granted

    def sent(self, now: float) -> None:
        """A call is being sent."""
        self._window.add(now, good=1)

    def take(self, now: float) -> bool:
        """Whether one more retry may be sent; counts it when so."""
        self._window.turn(now)
        retries = self._window.bad
        if retries >= max(ALWAYS, SHARE * (self._window.good - retries)):
            return False
        self._window.add(now, bad=1)
        return True

    def idle(self, now: float) -> bool:
        self._window.turn(now)
        return not self._window.good and not self._window.bad
