"""Outcomes as the data plane would have journalled them over a day: answers, failovers, errors, an unpriced model."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Raw

from usage.journal import Journal
from usage.outcomes import AttemptOutcome, Outcome
from usage.shipper import Shipper

DEPLOYMENTS = (  # name, weight of being first, ttft ms, nano-dollars per request
    ("sandbox-openai/sandbox-mini", 50, 180.0, 120_000),
    ("sandbox-openai/sandbox-large", 15, 420.0, 4_200_000),
    ("sandbox-anthropic/sandbox-large", 12, 510.0, 5_100_000),
    ("sandbox-anthropic/sandbox-coder", 12, 300.0, 1_300_000),
    ("sandbox-ollama/sandbox-local-8b", 9, 90.0, 0),
    ("sandbox-ollama/sandbox-unpriced", 2, 140.0, None),
)
NAMES = [name for name, *_ in DEPLOYMENTS]
FIGURES = {name: (ttft, cost) for name, _, ttft, cost in DEPLOYMENTS}
TENANTS = ((1, "demo", 1, "nr-demo1"), (2, "team-a", 2, "nr-teama"))
ERRORS = ("Overloaded", "RateLimited", "Unreachable")
WHY = "best score 0.83 under balanced, mostly for cost; 5 of 6 candidates eligible"


def request_id(at: datetime, rng: random.Random) -> str:
    """A UUIDv7 of that instant."""
    milliseconds = int(at.timestamp() * 1000)
    tail = rng.getrandbits(74)
    return f"{milliseconds << 80 | 7 << 76 | (tail >> 62) << 64 | 2 << 62 | tail & (2**62 - 1):032x}"


def outcome(at: datetime, rng: random.Random, **facts: object) -> Outcome:
    """One answered request of a tenant chosen by chance; `facts` replace what matters to a test."""
    tenant_id, tenant, key_id, prefix = rng.choices(TENANTS, (3, 1))[0]
    first = rng.choices(NAMES, [weight for _, weight, *_ in DEPLOYMENTS])[0]
    told = Outcome(
        id=request_id(at, rng),
        started_us=int(at.timestamp() * 1e6),
        tenant_id=tenant_id,
        tenant=tenant,
        key_id=key_id,
        key_prefix=prefix,
        stream=rng.random() < 0.6,
        asked_model=rng.choice(["auto", "auto", "auto:cheap", first.split("/")[1]]),
        policy="balanced",
        policy_version=1,
        first_choice=first,
        why=WHY,
        category=rng.choice(["coding", "chat", "extraction"]),
        complexity=0.4,
        modality="text",
        estimated_prompt_tokens=900,
        overhead_ms=0.6,
        features=Raw(b'{"category": "coding", "complexity": 0.4, "needs": ["tools"], "prompt_tokens": 900}'),
        decision=Raw(msgspec.json.encode(decision(first))),
    )
    _tell(told, rng)
    return msgspec.structs.replace(told, **facts)


def decision(first: str) -> dict[str, object]:
    """What the planner records: the first choice, a runner-up, one ruled out."""
    second = next(name for name in NAMES if name != first)
    parts = {"cost": 0.9, "latency": 0.7, "uptime": 0.9333333}
    return {
        "policy": "balanced",
        "kind": "weighted",
        "version": 1,
        "weights": {"cost": 30, "latency": 40, "uptime": 30, "quality": 0},
        "candidates": [
            {
                "rank": 1,
                "deployment": first,
                "score": 0.83,
                "parts": parts,
                "expected_cost_nano_usd": 1200,
                "ttft_ms": 120.0,
            },
            {"rank": 2, "deployment": second, "score": 0.5, "parts": dict.fromkeys(parts, 0.5)},
        ],
        "excluded": [{"deployment": NAMES[-2], "rule": "context", "detail": "context 8,192 < 11,400 needed"}],
    }


def _tell(told: Outcome, rng: random.Random) -> None:
    """Let the first choice answer, or fail and another answer, or nobody."""
    luck, first = rng.random(), told.first_choice or ""
    fails = luck < 0.06 or (first.endswith("coder") and luck < 0.3)
    clock = _attempt(told, first, 0.5, rng, rng.choice(ERRORS) if fails else None)
    if fails and luck < 0.01:
        told.status, told.http_status = "failed", 502
        told.error, told.error_code, told.error_message = "AllAttemptsFailed", "all_attempts_failed", "all failed"
    elif fails:
        clock = _attempt(told, next(name for name in NAMES if name != first), clock, rng)
        told.failovers = 1
    told.attempts_count = len(told.attempts)
    told.total_ms = clock + 0.1


def _attempt(told: Outcome, name: str, begin: float, rng: random.Random, error: str | None = None) -> float:
    provider, model = name.split("/")
    ttft, cost = FIGURES[name]
    wait = rng.lognormvariate(0, 0.4) * ttft
    attempt = AttemptOutcome(
        index=len(told.attempts) + 1,
        deployment_id=NAMES.index(name) + 1,
        deployment=name,
        provider=provider,
        model=model,
        kind="failover" if told.attempts else "first",
        started_ms=begin,
        first_byte_ms=begin + wait * 0.9,
        ended_ms=begin + wait,
        error=error,
        error_message=error and "the sandbox was told to",
        upstream_status=503 if error else 200,
        credential="abcd",
    )
    told.attempts.append(attempt)
    if error:
        return attempt.ended_ms
    attempt.status, attempt.committed = "answered", True
    attempt.first_token_ms = begin + wait
    attempt.ended_ms = begin + wait + rng.uniform(200, 1500)
    attempt.prompt_tokens, attempt.completion_tokens = rng.randint(200, 3000), rng.randint(20, 600)
    attempt.cached_tokens = attempt.reasoning_tokens = 0
    attempt.cost_nano_usd = None if cost is None else int(cost * rng.uniform(0.5, 2))
    _settle(told, attempt)
    return attempt.ended_ms


def _settle(told: Outcome, attempt: AttemptOutcome) -> None:
    told.status, told.finish_reason = "answered", "stop"
    told.deployment_id, told.provider, told.model = attempt.deployment_id, attempt.provider, attempt.model
    told.served_model, told.ttft_ms = attempt.model, attempt.first_token_ms
    told.prompt_tokens, told.completion_tokens = attempt.prompt_tokens, attempt.completion_tokens
    told.cached_tokens = told.reasoning_tokens = 0
    told.cost_nano_usd = attempt.cost_nano_usd
    if attempt.cost_nano_usd is not None:
        told.forecast_low_nano_usd, told.forecast_high_nano_usd = attempt.cost_nano_usd // 2, attempt.cost_nano_usd * 2


def day(until: datetime, requests: int, hours: float = 24, seed: int = 7) -> list[Outcome]:
    """So many requests over the hours before `until`, more of them lately."""
    rng = random.Random(seed)
    instants = sorted(until - timedelta(hours=hours * rng.random() ** 1.3) for _ in range(requests))
    return [outcome(at, rng) for at in instants]


def ship(outcomes: Iterable[Outcome], directory: Path) -> None:
    """Journal them and move them into the database."""
    journal = Journal(directory, "test")
    for told in outcomes:
        journal.write(told)
    journal.close()
    shipper = Shipper(directory)
    while shipper.ship_batch():
        pass
