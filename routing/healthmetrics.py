"""What does a web worker count of itself and of its upstreams' health? Families that only it can know."""

from typing import Final

from prometheus_client import Counter, Histogram

from routing.resilience.loopwatch import STALL_S

_LAGS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, STALL_S, 1, 2.5, 5, 10)

lag = Histogram(
    "llm_event_loop_lag_seconds", "How late the event loop runs a timer, ten times a second.", buckets=_LAGS
)
stalls = Counter("llm_event_loop_stalls", f"Times that the event loop stood still for more than {STALL_S} s.")
refused = Counter("llm_gateway_refused", "Requests that a worker with too much to do refused at its door.")


def observe_lag(lag_s: float) -> None:
    """Count one tick of the event loop's watch."""
    lag.observe(lag_s)
    if lag_s > STALL_S:
        stalls.inc()
