"""Outcomes by chance, but the same every time: all statuses, retries, failovers, unknown prices, several tenants."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Raw, structs

from usage.journal import Journal
from usage.outcomes import AttemptOutcome, Outcome

DEPLOYMENTS = ("alpha/small", "alpha/large", "beta/large", "beta/free")
STATUSES = ("answered", "failed", "rejected", "cancelled", "interrupted")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def request_id(at: datetime, rng: random.Random) -> str:
    """A UUIDv7 of that instant."""
    milliseconds, tail = int(at.timestamp() * 1000), rng.getrandbits(74)
    return f"{milliseconds << 80 | 7 << 76 | (tail >> 62) << 64 | 2 << 62 | tail & (2**62 - 1):032x}"


def story(at: datetime, rng: random.Random, **facts: object) -> Outcome:
    """One request; `facts` replace what a test is about."""
    tenant = rng.randrange(1, 4)
    told = Outcome(
        id=request_id(at, rng),
        started_us=int(at.timestamp() * 1e6),
        tenant_id=tenant,
        tenant=f"team-{tenant}",
        key_id=tenant * 10 + rng.randrange(2),
        key_prefix="nr-test",
        stream=rng.random() < 0.5,
        status=rng.choices(STATUSES, (80, 5, 5, 5, 5))[0],
        asked_model="auto",
        first_choice=rng.choice(DEPLOYMENTS),
        policy=rng.choice(("balanced", "cheap", None)),
        overhead_ms=rng.uniform(0.1, 2),
        tags=["night"] if rng.random() < 0.2 else [],
        features=Raw(b'{"category":"chat"}'),
        decision=Raw(b'{"policy":"balanced","candidates":[]}') if rng.random() < 0.9 else None,
    )
    if told.status == "rejected":
        told.first_choice = None
    else:
        _attempts(told, rng)
    return structs.replace(told, **facts)


def stories(count: int, *, end: datetime = NOON, hours: float = 30, seed: int = 1, **facts: object) -> list[Outcome]:
    """So many requests over the hours before `end`."""
    rng = random.Random(seed)
    return [story(end - timedelta(hours=rng.uniform(0, hours)), rng, **facts) for _ in range(count)]


def journal(directory: Path, outcomes: list[Outcome]) -> None:
    """Journal them as a worker that has ended since."""
    journal = Journal(directory, "test")
    for outcome in outcomes:
        journal.write(outcome)
    journal.close()


def _attempts(told: Outcome, rng: random.Random) -> None:
    names = [told.first_choice or "", *rng.sample(DEPLOYMENTS, rng.choice((0, 0, 0, 1, 2)))]
    clock = 0.5
    for index, name in enumerate(names, start=1):
        last = index == len(names)
        clock = _attempt(told, index, name, clock, told.status if last else "failed", rng)
    told.attempts_count, told.total_ms = len(names), clock + 0.1
    told.failovers = sum(attempt.kind == "failover" for attempt in told.attempts)
    last_one = told.attempts[-1]
    if told.status in ("answered", "interrupted"):
        told.deployment_id, told.provider, told.model = last_one.deployment_id, last_one.provider, last_one.model
        told.ttft_ms = last_one.first_token_ms
        told.prompt_tokens, told.completion_tokens = last_one.prompt_tokens, last_one.completion_tokens
        told.cached_tokens, told.estimated = last_one.cached_tokens, last_one.estimated
        told.cost_nano_usd = last_one.cost_nano_usd


def _attempt(told: Outcome, index: int, name: str, begin: float, status: str, rng: random.Random) -> float:
    provider, _, model = name.partition("/")
    earlier = {attempt.deployment for attempt in told.attempts}
    attempt = AttemptOutcome(
        index=index,
        deployment_id=DEPLOYMENTS.index(name) + 1,
        deployment=name,
        provider=provider,
        model=model,
        kind="first" if not earlier else "retry" if name in earlier else "failover",
        started_ms=begin,
        ended_ms=begin + rng.lognormvariate(5, 1),
        status=status if status != "rejected" else "failed",  # type: ignore[arg-type]
    )
    told.attempts.append(attempt)
    if status in ("failed", "interrupted"):
        attempt.error = rng.choice(("Overloaded", "RateLimited", "Unreachable"))
    if status in ("answered", "interrupted"):
        attempt.first_token_ms = begin + (attempt.ended_ms - begin) * 0.3
        attempt.prompt_tokens, attempt.completion_tokens = rng.randrange(3000), rng.randrange(1, 900)
        attempt.cached_tokens, attempt.estimated = rng.randrange(100), rng.random() < 0.1
        attempt.cost_nano_usd = None if name == "beta/free" else rng.randrange(10**7)
    return attempt.ended_ms
