"""Requests that could have cost something else, and the prices of what could have answered them."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Raw

from providers.models import Deployment, LanguageModel, Provider
from providers.pricerows import BEGINNING, DeploymentPrice
from providers.revisions import CATALOG, bump
from tests.dashboard.traffic import outcome, ship
from usage.outcomes import AttemptOutcome, Outcome

CENT = 10**7
SMALL, LARGE, HOME = "a/small", "b/large", "c/home"
PRICES = {SMALL: (10, 20), LARGE: (100, 200), HOME: (0, 0), "d/unpriced": None}  # USD per million tokens


def stock() -> None:
    """A catalogue of `PRICES`."""
    for name, price in PRICES.items():
        deploy(name, price)
    bump(CATALOG)


def deploy(name: str, price: tuple[float, float] | None, **more: object) -> Deployment:
    provider, model = name.split("/")
    found = Deployment.objects.create(
        provider=Provider.objects.get_or_create(name=provider, base_url="http://127.0.0.1:9/v1")[0],
        model=LanguageModel.objects.get_or_create(name=model)[0],
        upstream_model=model,
    )
    if price:
        facts = {"effective_from": BEGINNING, "input": price[0], "output": price[1]} | more
        DeploymentPrice.objects.create(deployment=found, **facts)
    return found


def lately() -> datetime:
    """Of the moment when a test runs: a long suite reads this file half an hour before it runs it."""
    return datetime.now(UTC) - timedelta(minutes=2)


def told(served: str, candidates: tuple[str, ...], cost: int | None, minutes: float = 0, tokens=(1000, 500), **facts):
    """An answered request: 1,000 tokens in and 500 out make 2 cents at `SMALL` and 20 at `LARGE`. `cost` in cents."""
    provider, _, model = served.partition("/")
    cost = None if cost is None else cost * CENT
    attempt = AttemptOutcome(
        index=1, deployment_id=1, deployment=served, provider=provider, model=model, status="answered", committed=True,
        prompt_tokens=tokens[0], completion_tokens=tokens[1], cost_nano_usd=cost, estimated=facts.pop("guess", False),
    )  # fmt: skip
    listed = [{"rank": rank, "deployment": name} for rank, name in enumerate(candidates, 1)]
    facts = {
        "status": "answered", "provider": provider, "model": model, "cost_nano_usd": cost, "attempts": [attempt],
        "attempts_count": 1, "failovers": 0, "asked_model": "auto", "policy": "balanced", "first_choice": candidates[0],
        "decision": Raw(msgspec.json.encode({"candidates": listed} | facts.pop("decided", {}))),
    } | facts  # fmt: skip
    return outcome(lately() - timedelta(minutes=minutes), random.Random(minutes), **facts)


def six(spool: Path) -> list[Outcome]:
    """Six answered requests, shipped: of one the cost is unknown."""
    both = (SMALL, LARGE)
    outcomes = [
        told(SMALL, both, 2, 1, asked_model="small"),
        told(LARGE, (LARGE, SMALL), 20, 2),
        told(HOME, (HOME, *both), 0, 3, policy="cheap"),
        told(SMALL, (LARGE, SMALL), 5, 4, attempts_count=2),  # a failed attempt at LARGE was paid for, too
        told("d/unpriced", (*both, "d/unpriced"), None, 5),
        told(SMALL, (SMALL, "d/unpriced"), 2, 6),
    ]
    ship(outcomes, spool)
    return outcomes
