"""What is recorded of a request whose worker died before it could? Pure: the outcome so far in, the last word out.

Nobody knows how far its attempt came. Where money was set aside for it, all of that counts as spent: the provider may
have answered, and billed.
"""

from typing import Final

from msgspec import structs

from tenants.budgets import USD
from usage.errors import WorkerDied
from usage.outcomes import AttemptOutcome, Outcome

TOLD: Final = "the worker died while it answered"
WARNING: Final = "its cost is the worst case that was set aside: the worker died before it was known"


def progress(begun: Outcome) -> tuple[int, float]:
    """How far a request had come: a worker killed while it keeps the next state has not forgotten the last one yet."""
    return len(begun.attempts), sum(attempt.ended_ms for attempt in begun.attempts)


def closed(begun: Outcome) -> Outcome:
    """The outcome of a request that was begun and never ended."""
    attempts = [attempt if attempt.ended_ms else _ended(begun, attempt) for attempt in begun.attempts]
    costs = [attempt.cost_nano_usd for attempt in attempts if attempt.cost_nano_usd is not None]
    estimated = any(attempt.estimated for attempt in attempts)
    return structs.replace(
        begun,
        status="failed",
        http_status=WorkerDied.status,
        error=WorkerDied.__name__,
        error_code=WorkerDied.code,
        error_message=TOLD,
        attempts=attempts,
        attempts_count=len(attempts),
        failovers=sum(attempt.kind in ("failover", "fallback") for attempt in attempts),
        total_ms=max((attempt.ended_ms for attempt in attempts), default=0.0),
        cost_nano_usd=sum(costs) if costs else None,
        estimated=estimated,
        warnings=[*begun.warnings, WARNING] if estimated else begun.warnings,
    )


def _ended(begun: Outcome, attempt: AttemptOutcome) -> AttemptOutcome:
    """An attempt that was running."""
    held = [charge.amount for charge in begun.charges if charge.unit == USD and charge.attempt == attempt.index]
    return structs.replace(
        attempt,
        ended_ms=attempt.first_token_ms or attempt.started_ms,
        status="failed",
        error=WorkerDied.__name__,
        error_message=TOLD,
        cost_nano_usd=max(held) if held else None,
        estimated=bool(held),
    )
