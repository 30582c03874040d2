"""What leads out of a client key's scope, and what might tell of it: nothing outside decides, answers or is named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.sandbox.testing import Sandbox, fault

from .conftest import provider
from .gateway import Gateway, Watched, manage
from .scoped import ADDRESSES, CHAT, FOUND, MESSAGE, OPEN, PROMPT, QUESTION, RESPONSE, ask, chat, served_by

CHORE = [{"role": "user", "content": "### Task:\nGenerate a concise, 3-5 word title\n\n### Chat History:\nHi"}]
OUTSIDE = ("costly", "grand", "lavish", "openrouter", "relayed", "zephyr")  # names of which a scoped key hears nothing
WARNINGS = "x-neuroroute-warnings"
POLICIES = [
    {"name": "frugal", "kind": "ordered", "order": ["plain/demo"], "client_tasks": {"*": "lavish"}},
    {"name": "lavish", "kind": "ordered", "order": ["costly/demo"]},
    {"name": "thrift", "kind": "ordered", "order": ["plain/demo"]},
]
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()


def configuration(plain: Sandbox, costly: Sandbox) -> dict[str, Any]:
    first, second = provider("plain", plain), provider("costly", costly, price={"input": 10, "output": 20})
    embeds = {"model": "vectors", "upstream_model": "sandbox-embed", "capabilities": ["embeddings"]}
    first["deployments"].append(first["deployments"][0] | embeds)
    second["deployments"].append(second["deployments"][0] | {"model": "grand", "upstream_model": "demo"})
    second["deployments"].append(second["deployments"][0] | embeds | {"model": "zephyr"})
    keys = [
        {"name": "whole"},
        {"name": "narrow", "allow": {"models": ["plain/*"], "policies": ["frugal"]}},
        {"name": "both", "allow": {"policies": ["frugal", "auto:lavish"]}},
        {"name": "default", "allow": {"policies": ["auto"]}},
        {"name": "aliased", "allow": {"models": ["grand-latest"]}},
        {"name": "patterned", "allow": {"models": ["*-latest"]}},
        {"name": "upstream", "allow": {"models": ["costly/demo", "plain/sandbox-embed"]}},
        {"name": "revoked"},
        {"name": "expired", "expires_at": YESTERDAY},
    ]
    low = {"period": "month", "usd": 0.05, "low": {"percent": 100, "policy": "thrift"}}
    poor = [{"name": "thrifty"}, {"name": "kept", "allow": {"policies": ["lavish"]}}]
    listed = {"models": ["*"], "policies": ["frugal"]}
    return {
        "providers": [first, second, provider("openrouter", costly, model="relayed", upstream_model="vendor/demo")],
        "models": [{"name": "grand", "aliases": ["grand-latest"]}],
        "policies": POLICIES,
        "tenants": [
            {"name": "team", "keys": keys, "default_policy": "frugal"},
            {"name": "poor", "keys": poor, "budgets": [low], "default_policy": "lavish"},
            {"name": "listed", "keys": [{"name": "whole"}], "allow": listed, "default_policy": "frugal"},
            {
                "name": "aliases",
                "keys": [{"name": "whole"}],
                "allow": {"models": ["grand-latest", "plain/sandbox-embed"]},
            },
            {"name": "patterns", "keys": [{"name": "whole"}], "allow": {"models": ["*-latest"]}},
            {"name": "archived", "keys": [{"name": "whole"}]},
        ],
    }


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[tuple[Sandbox, Sandbox]]:
    with Sandbox.start("openai") as plain, Sandbox.start("openai") as costly:
        yield plain, costly


@pytest.fixture(scope="module")
def running(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, sandboxes: tuple[Sandbox, Sandbox]
) -> Iterator[Watched]:
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("ways"))
    gateway.apply(configuration(*sandboxes))
    revoke = "from tenants import keys, models; keys.revoke(models.ClientKey.objects.get(name='revoked'))"
    manage(gateway.var, "shell", "-c", revoke)
    gateway.apply({"tenants": [{"name": "archived", "enabled": False}]})
    yield gateway.start()
    gateway.stop()


@pytest.fixture
def gateway(running: Watched, sandboxes: tuple[Sandbox, Sandbox]) -> Iterator[Gateway]:
    for sandbox in sandboxes:
        sandbox.reset()
    yield running
    assert not running.complaints()


def decided(answer: httpx.Response) -> tuple[str, str]:
    """By which policy it was decided, and what the answer warns of."""
    assert answer.status_code == 200, answer.text
    return answer.headers["x-neuroroute-policy"], answer.headers.get(WARNINGS, "")


def chore(gateway: Gateway, key: str) -> httpx.Response:
    return ask(gateway, key, model="auto", messages=CHORE)


def test_a_chore_goes_where_the_policy_sends_it_as_far_as_the_scope_has_that_policy(gateway):
    assert decided(chore(gateway, "whole")) == ("lavish", "")
    assert decided(chore(gateway, "both")) == ("lavish", "")
    kept = "client task title: its policy is outside this key's scope, frugal stays"
    assert decided(chore(gateway, "narrow")) == ("frugal", kept)
    assert decided(chore(gateway, "default")) == ("frugal", kept)


def test_own_weights_are_for_who_may_use_every_policy(gateway):
    wish = {"preferences": {"qualityWeight": 1}}
    for key in ("narrow", "listed/whole"):
        told = "preferences: not for a key that may use some policies only, frugal stays"
        assert decided(chat(gateway, key, "auto", **wish)) == ("frugal", told)
        explained = ask(gateway, key, "/v1/route", model="auto", messages=QUESTION, **wish)
        assert explained.headers[WARNINGS] == told
        decision = explained.json()["decision"]
        assert (decision["kind"], decision["weights"]) == ("ordered", {})
    free = ask(gateway, "whole", "/v1/route", model="auto", messages=QUESTION, **wish).json()["decision"]
    assert (free["kind"], free["weights"]) == ("weighted", {"quality": 1.0})


def test_the_policy_of_a_budget_that_is_low_takes_over_as_far_as_the_scope_has_it(gateway):
    assert decided(chat(gateway, "poor/thrifty", "auto", max_tokens=20))[0] == "lavish"  # nothing is spent yet
    assert decided(chat(gateway, "poor/thrifty", "auto", max_tokens=20)) == (
        "thrift",
        "little of a budget is left: policy thrift",
    )
    kept = "little of a budget is left: its policy is outside this key's scope, what was asked for stays"
    assert decided(chat(gateway, "poor/kept", "auto", max_tokens=20)) == ("lavish", kept)


def test_an_alias_in_a_scope_is_what_it_stands_for_now_and_no_pattern_reaches_it(gateway):
    for name in ("grand-latest", "grand", "costly/grand-latest", "auto"):
        assert served_by(chat(gateway, "aliased", name)) == "costly/grand"
    assert chat(gateway, "aliased", "demo").status_code == 403
    assert chat(gateway, "patterned", "grand-latest").status_code == 403
    assert served_by(chat(gateway, "upstream", "demo")) == "costly/demo"
    assert ask(gateway, "upstream", "/v1/embeddings", model="auto", input="Hello").status_code == 200
    listed = {row["id"] for row in ask(gateway, "aliased", "/v1/models", "GET").json()["data"]}
    assert "grand" in listed and "demo" not in listed
    gateway.apply({"models": [{"name": "grand", "aliases": []}, {"name": "demo", "aliases": ["grand-latest"]}]})
    try:
        gateway.wait_until(lambda: chat(gateway, "aliased", "demo").status_code == 200)
        assert chat(gateway, "aliased", "grand").status_code == 403
    finally:
        gateway.apply({"models": [{"name": "demo", "aliases": []}, {"name": "grand", "aliases": ["grand-latest"]}]})
        gateway.wait_until(lambda: chat(gateway, "aliased", "grand").status_code == 200)


def test_an_alias_in_a_tenants_list_means_what_it_does_in_a_scope(gateway):
    for name in ("grand-latest", "grand", "costly/grand-latest", "auto"):
        assert served_by(chat(gateway, "aliases/whole", name)) == "costly/grand"
    listed = {row["id"] for row in ask(gateway, "aliases/whole", "/v1/models", "GET").json()["data"]}
    assert {"grand", "vectors"} <= listed and not {"demo", "zephyr"} & listed
    assert chat(gateway, "aliases/whole", "demo").status_code == 403
    assert chat(gateway, "patterns/whole", "grand-latest").status_code == 403


def test_policies_in_a_scope_go_by_the_names_of_auto_as_well(gateway):
    assert decided(chat(gateway, "both", "auto:lavish"))[0] == "lavish"
    assert (
        decided(chat(gateway, "default", "auto"))[0] == decided(chat(gateway, "default", "auto:frugal"))[0] == "frugal"
    )
    told = chat(gateway, "default", "auto:thrift")
    assert (told.status_code, told.json()["error"]["code"]) == (403, "outside_key_scope")


WRONG: list[tuple[str, str, dict[str, Any] | None]] = [
    *((method, path, body) for found in ADDRESSES.values() for method, path, body in found),
    *(("GET", path, None) for path in sorted(OPEN)),
    ("GET", "/v1/models/grant", None),
    ("GET", "/v1/models/grand-lates", None),
    *(("POST", path, {"model": "grant", **CHAT}) for path in ("/v1/chat/completions", "/v1/route")),
    ("POST", "/v1/chat/completions", {"model": "auto", **CHAT, "neuroroute": {"explain": True}}),
    ("POST", "/v1/chat/completions", {"model": "auto:lavsh", **CHAT}),
    ("POST", "/v1/chat/completions", {"model": "auto:costly", **CHAT, "provider": {"only": ["nobody"]}}),
    ("POST", "/v1/chat/completions", {"model": "demo", **CHAT, "models": ["gran"]}),
    ("POST", "/v1/chat/completions", {"model": "auto", **CHAT, "provider": {"ignore": ["plain"]}}),
    ("POST", "/v1/chat/completions", {"model": "auto", "messages": CHORE, "stream": True}),
    ("POST", "/v1/responses", {"model": "gran", **RESPONSE}),
    ("POST", "/v1/messages", {"model": "auto", **MESSAGE, "messages": CHORE}),
    ("POST", "/v1/messages/count_tokens", {"model": "gran", **MESSAGE}),
    ("POST", "/v1/embeddings", {"model": "zephir", "input": "Hello"}),
    ("POST", "/v1/embeddings", {"model": "auto", "input": "Hello", "neuroroute": {"explain": True}}),
    ("POST", "/prompt", {"model": "gran", **PROMPT}),
    ("POST", "/api/route", {"model": "auto", **PROMPT, "preferences": {"qualityWeight": 1}}),
    ("POST", "/v1/route", {"model": "auto", **CHAT, "provider": {"max_price": {"prompt": 0}}}),
    ("POST", "/v1/route", {"model": "auto", "messages": CHORE}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRONG)
def test_nothing_outside_is_named_by_any_address(gateway, method, path, body):
    """What the question itself names may come back; whoever may everything hears of the rest in the same places."""
    answer = ask(gateway, "narrow", path, method, **body or {})
    assert answer.status_code != 401 and answer.status_code < 504
    said = answer.text + json.dumps(list(answer.headers.items()))
    asked_with = path + json.dumps(body)
    assert not [name for name in OUTSIDE if name in said and name not in asked_with], said


def test_whoever_may_everything_is_told_what_the_other_is_not(gateway):
    """So that the table before this cannot hold by telling nobody anything."""
    told = [ask(gateway, "whole", path, method, **body or {}).text for method, path, body in WRONG]
    assert all(any(name in text for text in told) for name in OUTSIDE)


def test_what_happened_to_requests_of_other_keys_is_not_for_a_key_with_models_or_policies(gateway):
    name = chat(gateway, "whole", "grand").headers["x-neuroroute-request-id"]
    own = chat(gateway, "narrow", "demo").headers["x-neuroroute-request-id"]
    assert ask(gateway, "narrow", f"/v1/requests/{name}", "GET").status_code == 404
    assert ask(gateway, "narrow", "/v1/feedback", response_id=name, score=1).status_code == 404
    assert ask(gateway, "whole", f"/v1/requests/{name}", "GET").status_code == 200
    story = ask(gateway, "narrow", f"/v1/requests/{own}", "GET")
    assert story.status_code == 200 and not [name for name in OUTSIDE if name in story.text]
    assert ask(gateway, "narrow", "/v1/feedback", response_id=own, score=1).status_code == 200
    for path, judged in (("/api/feedback", {"feedback": {"rating": 5}}), ("/api/eval", {"score": 1})):
        for key, model in (("whole", "grand"), ("narrow", "demo")):
            assert ask(gateway, key, path, **FOUND | judged | {"modelId": model}).status_code == 200
        models = [row["modelId"] for row in ask(gateway, "narrow", path, "GET").json()["data"]]
        assert models and set(models) == {"demo"}
        assert "grand" in ask(gateway, "whole", path, "GET").text


def test_the_reasons_of_a_failure_name_nobody_outside(gateway, sandboxes):
    plain, costly = sandboxes
    plain.script(*[fault("503")] * 8)
    for model in ("demo", "auto"):
        answer = chat(gateway, "narrow", model)
        assert answer.status_code >= 500 and not [name for name in OUTSIDE if name in answer.text]
    for wish in ({"provider": {"ignore": ["plain"]}}, {"models": ["grand"]}):
        answer = chat(gateway, "narrow", "grand" if "models" in wish else "auto", **wish)
        story = ask(gateway, "narrow", f"/v1/requests/{answer.headers['x-request-id']}", "GET")
        assert answer.status_code >= 400 and story.status_code == 200
        told = story.text.replace('"asked_model":"grand"', "").replace('"models":["grand"]', "")
        assert not [name for name in (*OUTSIDE, "key scope") if name in told], told
    assert not costly.calls(chats=True)
    gateway.rest()


@pytest.mark.parametrize("key", ["team/revoked", "team/expired", "archived/whole"])
def test_a_key_that_is_none_any_more_is_unknown_at_every_address(gateway, key):
    bodies = set()
    for method, path, body in [*(each for found in ADDRESSES.values() for each in found), *WRONG[-20:]]:
        answer = ask(gateway, key, path, method, **body or {})
        assert answer.status_code == 401, (path, answer.text)
        if path.startswith("/v1/chat"):
            bodies.add(json.dumps(answer.json()["error"]))
    for path in OPEN:
        assert ask(gateway, key, path, "GET").status_code == 401
    assert len(bodies) == 1
