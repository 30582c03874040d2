"""What a client key's scope keeps it from, on every route and wire; it only takes away from what its tenant may."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.sandbox.testing import Sandbox, fault
from routing.api.urls import LEAN
from tenants.callers import ROUTES

from .conftest import provider
from .gateway import Gateway, Watched, parse_events
from .scoped import ADDRESSES, CHAT, MESSAGE, OPEN, PROMPT, QUESTION, RESPONSE, ask, chat, served_by

POLICIES = [
    {"name": "cheap-first", "kind": "ordered", "order": ["cheap/demo"]},
    {"name": "dear-first", "kind": "ordered", "order": ["dear/demo"]},
]
STREAMED = {"chat": CHAT, "responses": RESPONSE, "messages": MESSAGE, "prompt": PROMPT}


def configuration(cheap: Sandbox, dear: Sandbox, **allow: Any) -> dict[str, Any]:
    """`demo` at both, `big` and what OpenRouter routes at the dear one, `vectors` at the cheap one; a key per scope."""
    first, second = provider("cheap", cheap), provider("dear", dear, price={"input": 10, "output": 20})
    embeds = {"model": "vectors", "upstream_model": "sandbox-embed", "capabilities": ["embeddings"]}
    first["deployments"].append(first["deployments"][0] | embeds)
    second["deployments"].append(second["deployments"][0] | {"model": "big", "upstream_model": "demo"})
    router = provider("openrouter", dear, model="routed", upstream_model="vendor/demo")
    keys = [
        {"name": "whole"},
        {"name": "demo-only", "allow": {"models": ["demo"]}},
        {"name": "cheap-only", "allow": {"models": ["cheap/*"]}},
        {"name": "router", "allow": {"models": ["routed", "their/*"]}},
        {"name": "beyond", "allow": {"models": ["*", "secret"], "policies": ["dear-first"]}},
        *({"name": f"only-{route}", "allow": {"routes": [route]}} for route in ROUTES),
    ]
    tenant = {"name": "team", "keys": keys, "default_policy": "cheap-first"}
    rival = {"name": "rival", "keys": [{"name": "beyond", "allow": {"models": ["big", "demo"]}}],
             "allow": {"models": ["demo"]}, "default_policy": "cheap-first"}  # fmt: skip
    return {
        "providers": [first, second, router],
        "models": [{"name": "big", "aliases": ["big-latest"]}],
        "policies": POLICIES,
        "tenants": [tenant, rival],
    }


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[tuple[Sandbox, Sandbox]]:
    with Sandbox.start("openai") as cheap, Sandbox.start("openai") as dear:
        yield cheap, dear


@pytest.fixture(scope="module")
def running(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, sandboxes: tuple[Sandbox, Sandbox]
) -> Iterator[Watched]:
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("scopes"))
    gateway.apply(configuration(*sandboxes))
    yield gateway.start()
    gateway.stop()


@pytest.fixture
def gateway(running: Watched, sandboxes: tuple[Sandbox, Sandbox]) -> Iterator[Gateway]:
    for sandbox in sandboxes:
        sandbox.reset()
    yield running
    assert not running.complaints()


@pytest.fixture
def dear(sandboxes: tuple[Sandbox, Sandbox]) -> Sandbox:
    return sandboxes[1]


def refusal(answer: httpx.Response, field: str | None, *words: str) -> None:
    """It is 403 in OpenAI's form, and names the field and the scope."""
    error = answer.json()["error"]
    told = (answer.status_code, error["type"], error["code"], error["param"])
    assert told == (403, "permission_error", "outside_key_scope", field), answer.text
    assert all(word in error["message"] for word in ("outside this key's scope", *words)), error


def test_every_address_that_asks_who_calls_belongs_to_one_route():
    paths = {path for addresses in ADDRESSES.values() for _, path, _ in addresses}
    assert set(ADDRESSES) == set(ROUTES) and paths >= set(LEAN) - OPEN
    views = {path: view.route for path, view in LEAN.items()}
    assert {path for path, route in views.items() if not route} == OPEN
    assert all(views[path] == route for route, found in ADDRESSES.items() for _, path, _ in found if path in views)


@pytest.mark.parametrize("route", ROUTES)
def test_a_key_for_one_route_is_refused_at_all_others(gateway, route):
    for other, addresses in ADDRESSES.items():
        for method, path, body in addresses:
            answer = ask(gateway, f"only-{route}", path, method, **body or {})
            assert (answer.status_code == 403) == (other != route), (path, answer.text)
            if answer.status_code == 403:
                error = answer.json()["error"]
                assert error["type"] == "permission_error"
                assert f"{other} is outside this key's scope, which has {route}" in error["message"]
    assert all(ask(gateway, f"only-{route}", path, "GET").status_code == 200 for path in OPEN)


@pytest.mark.parametrize("route", STREAMED)
def test_a_stream_is_refused_as_its_whole_answer_is(gateway, route):
    for _, path, _ in ADDRESSES[route][:1]:
        body = {"model": "demo", "stream": True, **STREAMED[route]}
        assert ask(gateway, f"only-{route}", path, **body).headers["content-type"].startswith("text/event-stream")
        assert ask(gateway, "only-usage", path, **body).status_code == 403
        outside = ask(gateway, "demo-only", path, **body | {"model": "big"})
        assert outside.status_code == 403 and "outside this key's scope, which has demo" in outside.text


def test_a_repeated_request_is_refused_before_the_first_ones_answer_is_told(gateway):
    headers = {"authorization": f"Bearer {gateway.keys['team/only-usage']}", "idempotency-key": "once"}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json={"model": "demo", **CHAT}, headers=headers)
    refusal(answer, None, "route: chat", "usage")


@pytest.mark.parametrize("name", ["big", "dear/big", "big-latest"])
def test_a_model_outside_is_a_403_that_names_the_field_whatever_name_it_goes_by(gateway, dear, name):
    refusal(chat(gateway, "demo-only", name), "model", "model:", "demo")
    refusal(ask(gateway, "demo-only", "/v1/responses", model=name, **RESPONSE), "model", "demo")
    refusal(ask(gateway, "demo-only", "/prompt", model=name, **PROMPT), "model", "demo")
    refusal(ask(gateway, "demo-only", "/v1/route", model=name, **CHAT), "model", "demo")
    told = ask(gateway, "demo-only", "/v1/messages", model=name, **MESSAGE)
    assert told.status_code == 403 and told.json()["error"]["type"] == "permission_error"
    assert told.json()["type"] == "error" and "model: outside this key's scope" in told.json()["error"]["message"]
    assert ask(gateway, "demo-only", "/v1/messages/count_tokens", model=name, **MESSAGE).status_code == 403
    assert not dear.calls(chats=True) and chat(gateway, "whole", name).status_code == 200


def test_vectors_outside_are_refused_and_auto_finds_none(gateway):
    for model in ("vectors", "auto"):
        refusal(ask(gateway, "demo-only", "/v1/embeddings", model=model, input="Hello"), "model", "demo")
    assert ask(gateway, "cheap-only", "/v1/embeddings", model="auto", input="Hello").status_code == 200


def test_auto_weighs_what_is_within_and_tells_of_nobody_else(gateway):
    answer = chat(gateway, "cheap-only", "auto:dear-first")
    assert served_by(answer) == "cheap/demo"
    decision = ask(gateway, "cheap-only", "/v1/route", model="auto", messages=QUESTION).json()["decision"]
    assert [each["deployment"] for each in decision["candidates"]] == ["cheap/demo"]
    assert {each["deployment"] for each in decision["excluded"]} == {"cheap/vectors"}
    assert served_by(chat(gateway, "whole", "auto:dear-first")) == "dear/demo"


def test_nobody_outside_stands_in_when_the_one_within_fails(gateway, sandboxes):
    cheap, dear = sandboxes
    cheap.script(*[fault("503")] * 4)
    assert chat(gateway, "cheap-only", "demo").status_code == 503 and not dear.calls(chats=True)
    gateway.rest()


def test_fallbacks_outside_are_passed_over_with_a_warning_and_never_called(gateway, dear):
    answer = chat(gateway, "demo-only", "big", models=["demo"])
    assert served_by(answer) == "cheap/demo"
    assert "big: outside this key's scope, passed over" in answer.headers["x-neuroroute-warnings"]
    assert served_by(chat(gateway, "demo-only", "demo", models=["big"])) == "cheap/demo"
    refusal(chat(gateway, "demo-only", "big", models=["routed"]), "model", "demo")
    assert not dear.calls(chats=True)


def test_a_wish_for_a_provider_outside_calls_nobody_outside(gateway, dear):
    told = chat(gateway, "cheap-only", "demo", provider={"only": ["dear"]})
    reason = "no deployment can answer this request: cheap/demo: the caller wants dear only"
    assert (told.status_code, told.json()["error"]["message"]) == (503, reason)
    assert served_by(chat(gateway, "cheap-only", "demo", provider={"order": ["dear"]})) == "cheap/demo"
    assert not dear.calls(chats=True)


def test_an_upstream_router_hears_of_no_fallback_outside(gateway, dear):
    chat(gateway, "router", "routed", models=["their/one", "expensive/two"])
    (call,) = dear.calls(chats=True)
    assert call.body["models"] == ["their/one"]


def test_a_policy_outside_is_a_403_that_names_its_field(gateway):
    refusal(chat(gateway, "beyond", "auto:cheap-first"), "model", "policy cheap-first", "dear-first")
    asked = chat(gateway, "beyond", "demo", neuroroute={"policy": "cheap-first"})
    refusal(asked, "neuroroute.policy", "policy cheap-first", "dear-first")
    assert served_by(chat(gateway, "beyond", "auto:dear-first")) == "dear/demo"


def test_where_the_scope_leaves_the_default_policy_out_its_first_takes_its_place(gateway):
    answer = chat(gateway, "beyond", "demo")
    assert (served_by(answer), answer.headers["x-neuroroute-policy"]) == ("dear/demo", "dear-first")


def test_a_scope_never_exceeds_its_tenant(gateway):
    told = chat(gateway, "rival/beyond", "big")
    assert told.status_code == 403 and "rival may call demo" in told.json()["error"]["message"]
    assert served_by(chat(gateway, "rival/beyond", "demo")) == "cheap/demo"
    names = [row["id"] for row in ask(gateway, "rival/beyond", "/v1/models", "GET").json()["data"]]
    assert "big" not in names and "demo" in names


def test_models_lists_what_this_key_may_ask_for_and_nothing_else(gateway):
    def names(key: str) -> set[str]:
        return {row["id"] for row in ask(gateway, key, "/v1/models", "GET").json()["data"]}

    def concrete(key: str) -> set[str]:
        return {name for name in names(key) if not name.startswith("auto")}

    assert concrete("whole") == {"demo", "big", "vectors", "routed"}
    assert concrete("demo-only") == {"demo"} and concrete("cheap-only") == {"demo", "vectors"}
    assert "auto:cheap-first" in names("whole")
    assert {name for name in names("beyond") if name.startswith("auto")} == {"auto", "auto:dear-first"}
    assert ask(gateway, "demo-only", "/v1/models/big", "GET").status_code == 404
    assert ask(gateway, "demo-only", "/v1/models/demo", "GET").status_code == 200
    health = ask(gateway, "cheap-only", "/v1/health/providers", "GET").json()["data"]
    assert [each["provider"] for each in health] == ["cheap"]


def test_a_stream_within_the_scope_flows(gateway):
    answer = chat(gateway, "demo-only", "auto", stream=True)
    assert list(parse_events(answer.text.splitlines()))[-1] == "[DONE]"


def test_a_changed_scope_holds_in_every_worker(make_gateway, sandboxes):
    gateway = make_gateway(configuration(*sandboxes), "--workers", "2")

    def statuses() -> set[int]:
        """Of a connection each: both workers answer some."""
        return {chat(gateway, "whole", "big").status_code for _ in range(16)}

    assert statuses() == {200}
    for models, status in ((["demo"], 403), ([], 200)):
        gateway.apply({"tenants": [{"name": "team", "keys": [{"name": "whole", "allow": {"models": models}}]}]})
        deadline = time.monotonic() + 5  # usually half a second: bench/revocation.py
        while statuses() != {status}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
