"""What do outcomes add to the rollups? Pure: outcomes in, sums by table and key out.

A request counts in the minute of its id. Latencies count answered requests only: a quick refusal is not a quick answer.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from usage import ids, scale
from usage.comparing import Comparer
from usage.outcomes import AttemptOutcome, Outcome
from usage.rollups import (
    ALL_KEYS,
    ALL_TENANTS,
    GRAINS,
    MINUTE,
    AttemptRollup,
    FlowRollup,
    KeyRollup,
    LatencyRollup,
    RequestRollup,
    Rollup,
    TagRollup,
)

Key = tuple[int | str, ...]
Cells = dict[Key, list[int]]  # (tenant, minute, further key columns...) -> the sums in the order of the columns

TTFT, TOTAL, OVERHEAD = "ttft", "total", "overhead"  # of a request, as its caller felt it
FAILOVER_DELAY: Final = "failover_delay"  # until the attempt that answered began, where it was not the first
# Of the attempt that answered, so that a deployment is not blamed for the one before it; all tenants together.
ATTEMPT_TTFT, ATTEMPT_TOTAL, TPOT = "attempt_ttft", "attempt_total", "tpot"
METRICS: Final = (TTFT, TOTAL, OVERHEAD, FAILOVER_DELAY, ATTEMPT_TTFT, ATTEMPT_TOTAL, TPOT)

NO_TAG: Final = ("",)
SERVED_STATUSES: Final = frozenset({"answered", "interrupted", "failed"})


def fold(outcomes: Iterable[Outcome], comparer: Comparer) -> dict[type[Rollup], Cells]:
    """Sums by minute for each table; `comparer` knows what things cost elsewhere."""
    requests, keys, tags, attempts, flows, latencies = Cells(), Cells(), Cells(), Cells(), Cells(), Counter[Key]()
    for outcome in outcomes:
        minute = ids.instant_ms(outcome.id) // 1000 // MINUTE * MINUTE
        sums = _request_sums(outcome)
        _add(requests, _request_key(outcome, minute), (*sums, *comparer.sums(outcome)))
        if outcome.key_id != ALL_KEYS:
            _add(keys, (outcome.tenant_id, minute, outcome.key_id), sums)
        for tag in set(outcome.tags or NO_TAG):
            _add(tags, (outcome.tenant_id, minute, tag), sums)
        if outcome.first_choice and outcome.status in SERVED_STATUSES:
            _add(flows, _flow_key(outcome, minute), _flow_sums(outcome))
        for attempt in outcome.attempts:
            _add(attempts, _attempt_key(outcome, attempt, minute), _attempt_sums(attempt))
        if outcome.status == "answered":
            latencies.update(_latency_keys(outcome, minute))
    counted = {key: [count] for key, count in latencies.items()}
    return {
        RequestRollup: requests,
        KeyRollup: keys,
        TagRollup: tags,
        AttemptRollup: attempts,
        FlowRollup: flows,
        LatencyRollup: counted,
    }


def spread(table: type[Rollup], cells: Cells, apart: Collection[int] = ()) -> Cells:
    """The same sums per grain, by tenant and for all, finely and coarsely: (tenant, grain, bucket, further key
    columns...) -> sums.

    The tenants `apart` are not among all.
    """
    result = Cells()
    for (tenant, minute, *rest), sums in cells.items():
        shared, own = _tails(table, rest)
        if tenant == ALL_TENANTS:
            own = set()
        for grain in GRAINS:
            bucket = int(minute) // grain * grain
            if tenant not in apart:
                for tail in shared:
                    _add(result, (ALL_TENANTS, grain, bucket, *tail), sums)
            for tail in own:
                _add(result, (tenant, grain, bucket, *tail), sums)
    return result


def _tails(table: type[Rollup], rest: list[int | str]) -> tuple[set[Key], set[Key]]:
    """The further key columns of the sums of all tenants together, and of those of one tenant: fine and coarse ones."""
    fine: Key = tuple(rest)
    if table in (KeyRollup, TagRollup):  # both belong to a tenant: for all tenants together there is none
        return set(), {fine}
    if table is RequestRollup:
        all_keys: Key = (ALL_KEYS, *rest[1:])
        return {all_keys}, {all_keys, fine}
    if table is LatencyRollup:
        metric, _, _, slot = rest
        both = {fine, (metric, "", "", slot)}
        return both, both
    return {fine}, {fine}


def is_unpriced(outcome: Outcome) -> bool:
    """Whether an upstream worked on the request at a cost that nobody knows."""
    return outcome.cost_nano_usd is None and (outcome.provider is not None or outcome.prompt_tokens is not None)


def ending(attempt: AttemptOutcome) -> str:
    """How an attempt ended: answered, cancelled, or the class of its error."""
    return attempt.status if attempt.status in ("answered", "cancelled") else attempt.error or attempt.status


def generation_ms(attempt: AttemptOutcome) -> float | None:
    """How long the answer streamed after its first token; None where that was not seen."""
    if attempt.status != "answered" or attempt.first_token_ms is None or not attempt.completion_tokens:
        return None
    return max(attempt.ended_ms - attempt.first_token_ms, 0.0)


def tpot_ms(attempt: AttemptOutcome) -> float | None:
    """Milliseconds per token after the first."""
    generation, tokens = generation_ms(attempt), attempt.completion_tokens
    return generation / (tokens - 1) if generation and tokens and tokens > 1 else None


def _add(cells: Cells, key: Key, sums: Sequence[int]) -> None:
    present = cells.get(key)
    if present is None:
        present = cells[key] = [0] * len(sums)
    for position, value in enumerate(sums):
        present[position] += value


def _request_key(outcome: Outcome, minute: int) -> Key:
    who = (outcome.tenant_id, minute, outcome.key_id)
    return (*who, outcome.provider or "", outcome.model or "", outcome.policy or "")


def _request_sums(outcome: Outcome) -> tuple[int, ...]:
    status, cost = outcome.status, outcome.cost_nano_usd
    return (
        1,
        status == "answered",
        status == "failed",
        status == "rejected",
        status == "cancelled",
        status == "interrupted",
        outcome.stream,
        outcome.failovers > 0,
        outcome.failovers,
        outcome.attempts_count,
        outcome.prompt_tokens or 0,
        outcome.completion_tokens or 0,
        outcome.cached_tokens or 0,
        outcome.reasoning_tokens or 0,
        outcome.estimated,
        cost is not None,
        is_unpriced(outcome),
        cost or 0,
    )


def _flow_key(outcome: Outcome, minute: int) -> Key:
    served = f"{outcome.provider}/{outcome.model}" if outcome.provider else ""
    return outcome.tenant_id, minute, outcome.first_choice or "", served


def _flow_sums(outcome: Outcome) -> tuple[int, ...]:
    return 1, outcome.failovers > 0, outcome.cost_nano_usd or 0, *_rescue_sums(outcome)


def _rescue_sums(outcome: Outcome) -> tuple[int, int, int]:
    """Whether another served it after a failover, what its failed attempts were billed, whether that is unknown."""
    if not (outcome.failovers and outcome.provider):
        return 0, 0, 0
    lost = [attempt for attempt in outcome.attempts if attempt.status in ("failed", "interrupted")]
    unknown = any(one.prompt_tokens is not None and one.cost_nano_usd is None for one in lost)
    return 1, sum(one.cost_nano_usd or 0 for one in lost), unknown


def _attempt_key(outcome: Outcome, attempt: AttemptOutcome, minute: int) -> Key:
    return outcome.tenant_id, minute, attempt.provider, attempt.model, ending(attempt)


def _attempt_sums(attempt: AttemptOutcome) -> tuple[int, ...]:
    generation = generation_ms(attempt)
    retry = attempt.kind == "retry"
    if generation is None:
        return 1, retry, 0, 0
    return 1, retry, attempt.completion_tokens or 0, round(generation * 1000)


def _latency_keys(outcome: Outcome, minute: int) -> Iterator[Key]:
    whom = (outcome.provider or "", outcome.model or "")
    for tenant, metric, duration_ms in _durations(outcome):
        if tenant != ALL_TENANTS or not outcome.apart:
            yield tenant, minute, metric, *whom, scale.slot_of(duration_ms)


def _durations(outcome: Outcome) -> Iterator[tuple[int, str, float]]:
    """(tenant, metric, milliseconds); tenant 0 where only the sum of all tenants is kept."""
    tenant = outcome.tenant_id
    yield tenant, TOTAL, outcome.total_ms
    if outcome.ttft_ms is not None:
        yield tenant, TTFT, outcome.ttft_ms
    yield ALL_TENANTS, OVERHEAD, outcome.overhead_ms
    if not outcome.attempts:
        return
    last = outcome.decisive
    if outcome.failovers:
        yield tenant, FAILOVER_DELAY, last.started_ms
    yield ALL_TENANTS, ATTEMPT_TOTAL, last.ended_ms - last.started_ms
    if last.first_token_ms is not None:
        yield ALL_TENANTS, ATTEMPT_TTFT, last.first_token_ms - last.started_ms
    tpot = tpot_ms(last)
    if tpot is not None:
        yield ALL_TENANTS, TPOT, tpot
