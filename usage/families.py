"""What do we count for Prometheus? The `llm_*` families, counted by the shipper from what it has shipped.

So the web workers pay nothing for them, and no request counts twice. Labels are names of the catalogue and classes of
ours; a caller cannot make one up. What no deployment served has provider and model "none".
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from tenants.selectors import BudgetState
from usage.fold import Cells, tpot_ms
from usage.outcomes import Outcome
from usage.rollups import MINUTE, REQUEST_SUMS, AttemptRollup, FlowRollup, RequestRollup, Rollup

NONE: Final = "none"
SUCCESS_WINDOW_S: Final = 15 * MINUTE
NANO: Final = 1e-9
STATUSES: Final = ("answered", "failed", "rejected", "cancelled", "interrupted")
TOKENS_BY_KIND: Final = {
    "prompt_tokens": "prompt",
    "completion_tokens": "completion",
    "cached_tokens": "cached",
    "reasoning_tokens": "reasoning",
}
_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)
_OVERHEAD: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1)
_PER_TOKEN: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 1)
_DEPLOYMENT: Final = ("provider", "model")

requests = Counter(
    "llm_requests", "Requests by who served them and how they ended.", (*_DEPLOYMENT, "policy", "status")
)
tokens = Counter(
    "llm_tokens", "Tokens; cached ones are part of prompt, reasoning of completion.", (*_DEPLOYMENT, "kind")
)
cost = Counter("llm_cost_usd", "Known cost, US dollars.", _DEPLOYMENT)
unpriced = Counter("llm_unpriced_requests", "Requests that an upstream worked on at unknown cost.", _DEPLOYMENT)
attempts = Counter("llm_attempts", "Calls of upstreams by how they ended.", (*_DEPLOYMENT, "ended"))
failovers = Counter("llm_failover_events", "Requests that failed over.", ("first_choice", "served"))
duration = Histogram("llm_requests_duration_seconds", "Whole time of answered requests.", _DEPLOYMENT, buckets=_SECONDS)
ttft = Histogram("llm_ttft_seconds", "Time to first token of answered streams.", _DEPLOYMENT, buckets=_SECONDS)
tpot = Histogram("llm_tpot_seconds", "Time per token after the first.", _DEPLOYMENT, buckets=_PER_TOKEN)
overhead = Histogram("llm_overhead_seconds", "The router's own time in answered requests.", buckets=_OVERHEAD)
success_rate = Gauge(
    "llm_model_success_rate",
    "Share of attempts answered in the last 15 minutes.",
    ("model",),
    multiprocess_mode="livemostrecent",
)
budget_remaining = Gauge(
    "llm_budget_remaining_ratio",
    "What is left of a budget, as a share of its limit.",
    ("tenant", "budget"),
    multiprocess_mode="livemostrecent",
)
set_aside = Counter("llm_journal_set_aside", "Journalled rows that the database refused, kept in the spool.")
write_failures = Counter("llm_journal_write_failures", "Outcomes that could not be journalled.")


def count(folded: Mapping[type[Rollup], Cells], outcomes: Iterable[Outcome]) -> None:
    """Count what has been shipped: sums as they were folded, durations one by one."""
    for (_, _, _, provider, model, policy), sums in folded[RequestRollup].items():
        _count_requests((str(provider) or NONE, str(model) or NONE), str(policy) or NONE, _named(sums))
    for (_, _, provider, model, ended), sums in folded[AttemptRollup].items():
        attempts.labels(provider, model, ended).inc(sums[0])
    for (_, _, first_choice, served), sums in folded[FlowRollup].items():
        if sums[1]:
            failovers.labels(first_choice, served or NONE).inc(sums[1])
    for outcome in outcomes:
        if outcome.status == "answered":
            _observe(outcome)


def expect(deployments: Iterable[str]) -> None:
    """Export a 0 for what has not happened yet: an alert cannot see the first step of a series that was not there.

    Only with values that are known before: the first choice may be any of these, and nobody may serve in its place.
    """
    for name in deployments:
        failovers.labels(name, NONE)


def show_budgets(states: Iterable[BudgetState]) -> None:
    """Set the gauges of budgets; `budget` is its id."""
    for state in states:
        share = state.remaining / state.limit if state.limit else 0.0
        budget_remaining.labels(state.tenant, str(state.id)).set(share)


def _named(sums: list[int]) -> dict[str, int]:
    return dict(zip(REQUEST_SUMS, sums, strict=False))  # what was compared follows


def _count_requests(deployment: tuple[str, str], policy: str, sums: dict[str, int]) -> None:
    for status in STATUSES:
        if sums[status]:
            requests.labels(*deployment, policy, status).inc(sums[status])
    for name, kind in TOKENS_BY_KIND.items():
        if sums[name]:
            tokens.labels(*deployment, kind).inc(sums[name])
    if sums["priced"]:
        cost.labels(*deployment).inc(sums["cost_nano_usd"] * NANO)
    if sums["unpriced"]:
        unpriced.labels(*deployment).inc(sums["unpriced"])


def _observe(outcome: Outcome) -> None:
    deployment = (outcome.provider or NONE, outcome.model or NONE)
    duration.labels(*deployment).observe(outcome.total_ms / 1000)
    overhead.observe(outcome.overhead_ms / 1000)
    if outcome.stream and outcome.ttft_ms is not None:
        ttft.labels(*deployment).observe(outcome.ttft_ms / 1000)
    if outcome.stream and outcome.attempts:
        per_token = tpot_ms(outcome.decisive)
        if per_token is not None:
            tpot.labels(*deployment).observe(per_token / 1000)


class SuccessWindow:
    """The share of attempts answered per model over a sliding quarter of an hour. A caller who left proves nothing."""

    def __init__(self) -> None:
        self._minutes: dict[str, dict[int, list[int]]] = defaultdict(dict)

    def add(self, cells: Cells, now: float) -> None:
        """Take attempts in (cells of `AttemptRollup` by minute) and set the gauges."""
        for (_, minute, _, model, ended), sums in cells.items():
            if ended != "cancelled":
                counted = self._minutes[str(model)].setdefault(int(minute), [0, 0])
                counted[0] += sums[0] if ended == "answered" else 0
                counted[1] += sums[0]
        for model, minutes in self._minutes.items():
            for minute in [m for m in minutes if m < now - SUCCESS_WINDOW_S]:
                del minutes[minute]
            answered, total = (sum(column) for column in zip(*minutes.values(), strict=True)) if minutes else (0, 0)
            success_rate.labels(model).set(answered / total if total else float("nan"))
