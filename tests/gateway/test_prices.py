"""What an attempt costs, from the upstream's usage to the record: cache writes, tiers, images, fees, no price."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.sandbox.steps import Step
from providers.sandbox.testing import Sandbox

from .conftest import provider
from .gateway import Gateway

TIERED = {"input": 3, "output": 15, "cached_input": 0.3, "cache_write": 3.75, "cache_write_1h": 6}
TIERED |= {"tiers": [{"above": 1000, "input": 6}]}
WITH_FEES = {"input": 1, "output": 2, "image": 0.001, "request": 0.005, "audio_input": 10}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
USAGE = {"prompt": 1000, "completion": 100, "cached": 200, "cache_write": 500, "cache_write_1h": 300}
MICRO_USD = 300 * 3 + 200 * 0.3 + 200 * 3.75 + 300 * 6 + 100 * 15

Attempt = dict[str, Any]


@pytest.fixture(scope="module")
def attempts(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Attempt]:
    """One request of each kind, and what the record says of its one attempt."""
    with Sandbox.start("anthropic") as claude, Sandbox.start("openai") as gpt:
        gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("prices"))
        priced = provider("fees", gpt, model="fees", price=WITH_FEES)
        priced["deployments"] += [priced["deployments"][0] | {"model": "unknown", "price": None}]
        providers = [provider("anthropic", claude, model="claude", price=TIERED), priced]
        gateway.apply({"providers": providers, "tenants": [{"name": "team", "keys": [{"name": "ci"}]}]})
        try:
            answers = _ask(gateway.start(), claude, gpt)
            assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 200)
            gateway.ship()
            ids = {name: answer.headers["x-request-id"] for name, answer in answers.items()}
            return {name: gateway.story(request_id)["attempts"][0] for name, request_id in ids.items()}
        finally:
            gateway.stop()


def _ask(gateway: Gateway, claude: Sandbox, gpt: Sandbox) -> dict[str, httpx.Response]:
    claude.script(*(Step(text="Hi", usage=USAGE | {"prompt": prompt}) for prompt in (1000, 1000, 1001)))
    gpt.script(Step(text="Hi", usage={"prompt": 100, "completion": 10, "audio_input": 40}))
    picture = {"type": "image_url", "image_url": {"url": PIXEL}}
    return {
        "whole": gateway.chat(model="claude"),
        "streamed": gateway.chat(model="claude", stream=True),
        "tier": gateway.chat(model="claude"),
        "hour": _for_an_hour(gateway),
        "pictures": gateway.chat([{"type": "text", "text": "What is this?"}, picture, picture], "fees"),
        "unknown": gateway.chat(model="unknown"),
    }


def _for_an_hour(gateway: Gateway) -> httpx.Response:
    """A caller of Messages marks a long prompt to be cached for an hour; the sandbox does so."""
    block = {"type": "text", "text": "word " * 1500, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = {"model": "claude", "max_tokens": 10, "messages": [{"role": "user", "content": [block]}]}
    return httpx.post(f"{gateway.url}/v1/messages", json=body, headers={"x-api-key": gateway.key}, timeout=20)


@pytest.mark.parametrize("name", ["whole", "streamed"])
def test_cache_writes_cost_by_how_long_they_stay(attempts: dict[str, Attempt], name: str) -> None:
    found = attempts[name]
    parts = ("cached_tokens", "cache_write_tokens", "cache_write_1h_tokens", "images")
    assert [found[part] for part in parts] == [200, 200, 300, None]
    assert float(found["cost_usd"]) * 1e6 == pytest.approx(MICRO_USD)


def test_above_a_tier_the_whole_request_costs_its_price(attempts: dict[str, Attempt]) -> None:
    assert float(attempts["tier"]["cost_usd"]) * 1e6 == pytest.approx(MICRO_USD + 300 * 3 + 6)


def test_an_hour_that_a_caller_of_messages_asks_for_is_recorded_as_one(attempts: dict[str, Attempt]) -> None:
    assert attempts["hour"]["cache_write_1h_tokens"] > 1024
    assert attempts["hour"]["cache_write_tokens"] is None


def test_images_audio_and_the_request_are_billed(attempts: dict[str, Attempt]) -> None:
    found = attempts["pictures"]
    assert (found["images"], found["audio_input_tokens"]) == (2, 40)
    assert float(found["cost_usd"]) * 1e6 == pytest.approx(60 + 400 + 20 + 2 * 1000 + 5000)


def test_without_a_price_the_cost_is_unknown(attempts: dict[str, Attempt]) -> None:
    assert attempts["unknown"]["prompt_tokens"] and attempts["unknown"]["cost_usd"] is None
