"""Small makers for routing's tests: state only what matters."""

import json
from typing import Any

from providers.catalog import build
from providers.targets import Price, Secret, Target
from routing.api import entry
from routing.asked import Asked
from routing.evidence import EvidenceBook
from routing.planner import Planner
from routing.policies.base import PolicySpec
from routing.policybook import PolicyBook
from routing.resilience import Health
from routing.surfaces import surfaces
from tenants.callers import Caller

BALANCED = PolicySpec("balanced", "weighted", (("cost", 30.0), ("latency", 40.0), ("uptime", 30.0)))
CHEAP = PolicySpec("cost-optimized", "weighted", (("cost", 100.0),))
FAST = PolicySpec("performance-first", "weighted", (("latency", 100.0),))
BEST = PolicySpec("best-quality", "weighted", (("quality", 100.0),))
CALLER = Caller(1, "team", 1, "ci", "nr-abc")


def target(name: str, id: int, **facts: Any) -> Target:
    """A deployment `provider/model`; `usd` = (input, output) per million tokens."""
    provider, _, model = name.partition("/")
    usd = facts.pop("usd", None)
    price = Price(int(usd[0] * 1e6), int(usd[1] * 1e6)) if usd else facts.pop("price", None)
    secrets = facts.pop("secrets", (Secret(id * 10, "sk-test", "test"),))
    base = {"provider_id": id, "model_id": id, "upstream_model": model, "wire": "openai", "base_url": "http://x"}
    return Target(id=id, provider=provider, model=model, price=price, secrets=secrets, **(base | facts))


def asked(content: Any = "Hello", model: str = "auto", **fields: Any) -> Asked:
    """A chat request as it comes off the wire."""
    body = {"model": model, "messages": [{"role": "user", "content": content}], **fields}
    return parse(json.dumps(body).encode())


def parse(raw: bytes, limit: int = 1_000_000, surface: str = "chat") -> Asked:
    """The same from the bytes of a body."""
    return entry.parse(surfaces()[surface], raw, "0" * 32, limit)[0]


class Desk:
    """A planner over given targets, with its health, evidence and clock at hand."""

    def __init__(self, *targets: Target, policies: tuple[PolicySpec, ...] = (BALANCED, CHEAP, FAST, BEST)) -> None:
        self.now = 1000.0
        self.health, self.evidence = Health(), EvidenceBook()
        self.catalog = build(targets)
        self.book = PolicyBook({p.name: p for p in policies})
        self.planner = Planner(lambda: self.catalog, lambda: self.book, self.evidence, self.health, lambda: self.now)
        self.health.on_change = self.planner.forget

    def order(self, question: Asked, caller: Caller = CALLER) -> list[str]:
        return [c.name for c in self.planner.plan(question, caller).candidates]
