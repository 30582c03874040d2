"""What does a web worker count of itself and of its upstreams' health? Families that only it can know.

Gauges show the worst of all living workers. They are set by the worker's tick, so that requests pay nothing for them.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from providers.catalog import Catalog
from providers.loopwatch import STALL_S
from routing.resilience import Health
from routing.resilience.report import SEVERITY, breaker_report, credential_reports

_LAGS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, STALL_S, 1, 2.5, 5, 10)
_DEPLOYMENT: Final = ("provider", "model")

lag = Histogram(
    "llm_event_loop_lag_seconds", "How late the event loop runs a timer, ten times a second.", buckets=_LAGS
)
stalls = Counter("llm_event_loop_stalls", f"Times that the event loop stood still for more than {STALL_S} s.")
refused = Counter("llm_gateway_refused", "Requests that a worker with too much to do refused at its door.")
breaker_state = Gauge(
    "llm_breaker_state",
    "Circuit breaker of a deployment, or of its provider: 0 closed, 1 half open, 2 open.",
    _DEPLOYMENT,
    multiprocess_mode="livemax",
)
throttled = Gauge(
    "llm_throttled_share",
    "Share of calls that is kept back from a provider that refuses many.",
    ("provider",),
    multiprocess_mode="livemax",
)
barred = Gauge(
    "llm_credentials_barred",
    "Credentials that are not used at the moment, by why.",
    ("provider", "state"),
    multiprocess_mode="livemax",
)
passed_over = Counter(
    "llm_attempts_not_sent",
    "Attempts not made, as health kept them back: credential, breaker, throttle; retry: the budget was used up.",
    (*_DEPLOYMENT, "why"),
)


def observe_lag(lag_s: float) -> None:
    """Count one tick of the event loop's watch."""
    lag.observe(lag_s)
    if lag_s > STALL_S:
        stalls.inc()


class HealthGauges:
    """Brings the families up to date; remembers what it has set, so that only what has changed is written."""

    def __init__(self) -> None:
        self._catalog: Catalog | None = None
        self._states: dict[tuple[str, str], int] = {}
        self._shares: dict[str, float] = {}
        self._barred: dict[tuple[str, str], int] = {}

    def publish(self, health: Health, catalog: Catalog, now: float) -> None:
        """Set the gauges, and count what health has tallied since the last time."""
        if tally := list(health.drain_tally()):
            ours = {(target.provider, target.model) for target in catalog.targets}  # what is kept apart is not in it
            for (why, provider, model), number in tally:
                if (provider, model) in ours:
                    passed_over.labels(provider, model, why).inc(number)
        if health.ejected or any(self._states.values()) or self._catalog is not catalog:
            states = {(t.provider, t.model): SEVERITY[breaker_report(health, t, now).state] for t in catalog.targets}
            self._set_states(dict.fromkeys(self._states, 0) | states)  # one that is gone from the catalogue ends at 0
            self._catalog = catalog
        if health.refusing or any(self._shares.values()):
            for target in catalog.targets:
                self._set_share(target.provider, round(health.kept_back(target, now), 3))
        self._set_barred(health, catalog, now)

    def _set_states(self, states: dict[tuple[str, str], int]) -> None:
        for key, state in states.items():
            if self._states.get(key) != state:
                breaker_state.labels(*key).set(state)
        self._states = states

    def _set_share(self, provider: str, share: float) -> None:
        if self._shares.get(provider, 0.0) != share:
            self._shares[provider] = share
            throttled.labels(provider).set(share)

    def _set_barred(self, health: Health, catalog: Catalog, now: float) -> None:
        counted: dict[tuple[str, str], int] = dict.fromkeys(self._barred, 0)
        for report in credential_reports(health, catalog.targets, now):
            key = (report.provider, str(report.state))
            counted[key] = counted.get(key, 0) + 1
        for key, number in counted.items():
            if self._barred.get(key) != number:
                self._barred[key] = number
                barred.labels(*key).set(number)
