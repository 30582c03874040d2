"""What the tests of Responses share: sandboxes of every wire behind one gateway, asked directly."""

import json
from typing import Any

import httpx

from providers.sandbox.testing import Sandbox

from ..conftest import provider
from ..gateway import Gateway

WIRES = {"demo": "openai", "claude": "anthropic", "local": "ollama", "native": "openai", "second": "openai"}
SKILLS = ["tools", "vision", "json_schema", "json_mode", "reasoning"]
NATIVE = [*SKILLS, "responses"]


def configuration(sandboxes: dict[str, Sandbox]) -> dict[str, Any]:
    """Each wire under a model of its own; `both` at an upstream of Responses and, behind it, one of chats; `pool` at
    two of Responses."""
    skills = {"native": NATIVE, "second": NATIVE}
    providers = {
        name: provider(name, sandbox, model=name, capabilities=skills.get(name, SKILLS), retries=0)
        for name, sandbox in sandboxes.items()
    }
    for name, model in (("native", "both"), ("demo", "both"), ("native", "pool"), ("second", "pool")):
        rows = providers[name]["deployments"]
        rows.append(rows[0] | {"model": model})
    order = ["native/both", "demo/both", "second/pool", "native/pool"]
    return {
        "providers": list(providers.values()),
        "policies": [{"name": "fixed", "kind": "ordered", "order": order}],
        "tenants": [{"name": "team", "keys": [{"name": "ci"}], "default_policy": "fixed"}],
    }


def post(gateway: Gateway, **body: Any) -> httpx.Response:
    return httpx.post(f"{gateway.url}/v1/responses", json=body, headers=gateway.headers, timeout=20)


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream; each stands under its own name."""
    found = []
    for block in answer.text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found
