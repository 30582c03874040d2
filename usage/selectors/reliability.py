"""What failed, and what caught it? Attempts by deployment and error, who served whose first choice, states."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from usage.ranges import TimeRange
from usage.rollups import ALL_TENANTS, AttemptRollup, FlowRollup, StateRollup
from usage.selectors.sums import read
from usage.selectors.whose import Whose

ANSWERED, CANCELLED = "answered", "cancelled"
_SUMS: Final = ("attempts", "retries", "completion_tokens", "generation_us")


class Flow(Struct, frozen=True):
    """Requests whose plan began with `first_choice` and that `served` answered ('': nobody); provider/model both."""

    first_choice: str
    served: str
    requests: int
    failed_over: int
    cost_nano_usd: int
    rescues: int = 0  # failed over and served, of which it is known what the failed attempts were billed, or that not
    rescue_nano_usd: int = 0
    rescues_unpriced: int = 0


class ErrorCount(Struct, frozen=True):
    """Attempts at a deployment that ended with this class of error."""

    deployment: str
    error: str
    attempts: int


class Attempts(Struct, frozen=True):
    """The attempts at one deployment; `failed` counts all that were neither answered nor cancelled."""

    deployment: str
    attempts: int = 0
    answered: int = 0
    cancelled: int = 0
    failed: int = 0
    retries: int = 0
    timed_tokens: int = 0  # of streamed answers
    generation_us: int = 0  # of the same
    errors: dict[str, int] = {}  # class of error -> attempts

    @property
    def tokens_per_s(self) -> float | None:
        """Of streamed answers, weighted by tokens."""
        return self.timed_tokens / self.generation_us * 1e6 if self.generation_us else None

    @property
    def error_rate(self) -> float | None:
        """Share failed of those that were waited for; None without any."""
        judged = self.answered + self.failed
        return self.failed / judged if judged else None


def flow(period: TimeRange, tenant_id: Whose = None) -> list[Flow]:
    """All pairs that occur, the busiest first; requests that were refused or whose caller left are not among them."""
    sums = ("requests", "failed_over", "cost_nano_usd", "rescues", "rescue_nano_usd", "rescues_unpriced")
    rows = read(FlowRollup, [period], tenant=_scope(tenant_id), group=("first_choice", "served"), sums=sums)
    return sorted((Flow(*key, *values) for _, key, values in rows), key=lambda one: (-one.requests, one.first_choice))


def errors(period: TimeRange, tenant_id: Whose = None, deployment: str | None = None) -> list[ErrorCount]:
    """Failed attempts by deployment and class, the most frequent first."""
    found = [
        ErrorCount(name, ended, values[0])
        for _, name, ended, values in _ended([period], tenant_id, deployment)
        if ended not in (ANSWERED, CANCELLED)
    ]
    return sorted(found, key=lambda one: (-one.attempts, one.deployment, one.error))


def attempts(period: TimeRange, tenant_id: Whose = None, deployment: str | None = None) -> list[Attempts]:
    """Each deployment that was called, the busiest first."""
    found = [cells[0] for cells in attempt_series([period], tenant_id, deployment).values()]
    return sorted(found, key=lambda one: (-one.attempts, one.deployment))


def attempt_series(
    buckets: Sequence[TimeRange], tenant_id: Whose = None, deployment: str | None = None
) -> dict[str, list[Attempts]]:
    """Each deployment that was called, bucket by bucket; one without attempts has zeros."""
    raw: dict[str, list[dict[str, list[int]]]] = {}
    for position, name, ended, values in _ended(buckets, tenant_id, deployment):
        raw.setdefault(name, [{} for _ in buckets])[position][ended] = values
    return {name: [_attempts(name, cell) for cell in cells] for name, cells in raw.items()}


def failure_series(
    buckets: Sequence[TimeRange],
    error: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    tenant_id: Whose = None,
) -> list[int]:
    """Failed attempts bucket by bucket: with this class of error, at this provider, of this model; None: any."""
    found = [0] * len(buckets)
    where = {"provider": provider, "model": model, "ended": error}
    rows = read(AttemptRollup, buckets, tenant=_scope(tenant_id), where=where, group=("ended",), sums=("attempts",))
    for position, (ended,), (number,) in rows:
        found[position] += 0 if ended in (ANSWERED, CANCELLED) else number
    return found


def state_series(buckets: Sequence[TimeRange], apart: int = ALL_TENANTS) -> dict[str, list[dict[str, int]]]:
    """Minutes in each state (`usage.states`) of each deployment that was not always fit, bucket by bucket.

    Under '' stand the minutes in which anybody looked. `apart`: of the deployments of this tenant, which is kept apart.
    """
    found: dict[str, list[dict[str, int]]] = {}
    for position, (name, state), (minutes,) in read(
        StateRollup, buckets, tenant=apart, group=("deployment", "state"), sums=("minutes",)
    ):
        found.setdefault(name, [{} for _ in buckets])[position][state] = minutes
    return found


def together(parts: Sequence[Attempts]) -> Attempts:
    """The attempts of all buckets at one deployment; `parts` are its own, one at least."""
    errors: Counter[str] = Counter()
    for part in parts:
        errors.update(part.errors)
    names = ("attempts", "answered", "cancelled", "failed", "retries", "timed_tokens", "generation_us")
    sums = {name: sum(getattr(part, name) for part in parts) for name in names}
    return Attempts(parts[0].deployment, **sums, errors=dict(errors))


def _ended(
    buckets: Sequence[TimeRange], tenant_id: Whose, deployment: str | None
) -> list[tuple[int, str, str, list[int]]]:
    """(position of the bucket, deployment, how attempts ended, sums)."""
    provider, _, model = deployment.partition("/") if deployment is not None else (None, "", None)
    rows = read(
        AttemptRollup,
        buckets,
        tenant=_scope(tenant_id),
        where={"provider": provider, "model": model},
        group=("provider", "model", "ended"),
        sums=_SUMS,
    )
    return [(position, f"{key[0]}/{key[1]}", key[2], values) for position, key, values in rows]


def _attempts(deployment: str, cell: dict[str, list[int]]) -> Attempts:
    counted, retries, tokens, generation_us = (sum(column) for column in zip([0] * 4, *cell.values(), strict=True))
    answered = cell.get(ANSWERED, [0])[0]
    cancelled = cell.get(CANCELLED, [0])[0]
    errors = {ended: values[0] for ended, values in cell.items() if ended not in (ANSWERED, CANCELLED)}
    failed = counted - answered - cancelled
    return Attempts(deployment, counted, answered, cancelled, failed, retries, tokens, generation_us, errors)


def _scope(tenant_id: Whose) -> int | frozenset[int]:
    return ALL_TENANTS if tenant_id is None else tenant_id
