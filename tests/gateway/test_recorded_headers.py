"""What the record tells of an answer's headers is what its client got: no more, and whatever lacks is named."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from providers.sandbox.testing import Sandbox, fault

from .conftest import two_providers
from .gateway import Gateway

ALWAYS = {"content-type", "x-request-id", "x-neuroroute-request-id"}
SAID = "The quick brown fox jumps over the lazy dog and runs home."


@pytest.fixture(scope="module")
def recorded(migrated, tmp_path_factory, primary_process: Sandbox, fallback_process: Sandbox) -> Iterator[Gateway]:
    configuration = two_providers(primary_process, fallback_process, limits={"requests_per_minute": 1000})
    configuration["tenants"][0]["keys"].append({"name": "op", "operator": True})
    configuration["policies"][0]["recovery"] = True
    for one in configuration["providers"]:
        one["deployments"][0]["timeouts"] |= {"first_token": 3, "stall": 1}
    env = {"STREAM_HEADERS_AFTER_S": "1", "KEEP_ALIVE_S": "1"}
    gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("recorded"), env)
    gateway.apply(configuration)
    yield gateway.start()
    gateway.stop()


@pytest.fixture(autouse=True)
def rested(recorded: Gateway, primary: Sandbox, fallback: Sandbox) -> Iterator[None]:
    yield
    for sandbox in (primary, fallback):
        sandbox.reset()
    recorded.rest()


def message(gateway: Gateway) -> httpx.Response:
    body = {"model": "demo", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}
    return httpx.post(f"{gateway.url}/v1/messages", json=body, headers=gateway.headers, timeout=30)


Ask = Callable[[Gateway], httpx.Response]
CASES: dict[str, tuple[list[Any], Ask, str, set[str]]] = {
    "whole": (
        ["Hello"],
        lambda gateway: gateway.chat("Hello", "demo", neuroroute={"cache": "on"}),
        "whole",
        {"x-neuroroute-cost-usd", "x-neuroroute-warnings"},
    ),
    "failed over": (
        [fault("503")] * 3,
        lambda gateway: gateway.chat("Hello", "demo"),
        "whole",
        {"x-neuroroute-cost-usd"},
    ),
    "a message": (["Hello"], message, "whole", {"request-id", "x-neuroroute-cost-usd"}),
    "a stream": (
        [SAID],
        lambda gateway: gateway.chat("Hello", "demo", stream=True, neuroroute={"cache": "on"}),
        "stream",
        {"x-neuroroute-attempts", "x-neuroroute-warnings", "cache-control", "x-accel-buffering"},
    ),
    "gone on with": (
        [fault("cut_mid", text=SAID, after=4)],
        lambda gateway: gateway.chat("Hello", "demo", stream=True),
        "stream",
        {"x-neuroroute-attempts"},
    ),
    "opened early": (
        [fault("hang_first_token")],
        lambda gateway: gateway.chat("Hello", "demo", stream=True),
        "early",
        set(),
    ),
    "an error": (
        [fault("503")] * 6,
        lambda gateway: gateway.chat("Hello", "primary/demo"),
        "error",
        set(),
    ),
}


@pytest.mark.parametrize(("script", "ask", "kind", "has"), CASES.values(), ids=CASES)
def test_the_record_tells_the_headers_that_the_client_got(recorded, primary, fallback, script, ask, kind, has):
    primary.script(*script)
    fallback.script(SAID)
    seen = ask(recorded).headers
    operator = {"authorization": f"Bearer {recorded.keys['team/op']}"}
    address = f"{recorded.url}/api/admin/requests/{seen['x-request-id']}"
    told = httpx.get(address, headers=operator, timeout=30).json()["headers"]

    assert told["answer"] == kind and told["headers"].keys() >= ALWAYS | has
    assert told["headers"] == {name: seen[name] for name in told["headers"]}
    ours = {name for name in seen if name.startswith("x-") or name in ("retry-after", "request-id", "cache-control")}
    assert ours - told["headers"].keys() <= set(told["unrecorded"])
    assert "idempotency-key" in told["unrecorded_of_client"]
