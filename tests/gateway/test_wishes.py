"""What the caller wishes, what a conversation is bound to and what a wire cannot carry, over the whole server."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from providers.sandbox.testing import Sandbox, fault, rate_limited, tool_call
from tests.halves import Services, open_services
from tests.run.installation import wait_until

from .conftest import provider
from .gateway import Gateway, Watched, manage

WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
QUESTION = {"role": "user", "content": "Which weather in Rome?"}
TITLE = "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history."
POLICIES = [
    {"name": "cheap-first", "kind": "ordered", "order": ["cheap/demo"], "client_tasks": {"title": "dear-first"}},
    {"name": "dear-first", "kind": "ordered", "order": ["dear/demo"]},
]


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    with Sandbox.start("openai") as cheap, Sandbox.start("openai") as dear, Sandbox.start("ollama") as local:
        yield {"cheap": cheap, "dear": dear, "local": local}


@pytest.fixture(scope="module")
def running(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, sandboxes: dict[str, Sandbox]
) -> Iterator[Watched]:
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("wishes"))
    gateway.apply(configuration(sandboxes))
    yield gateway.start()
    gateway.stop()


@pytest.fixture
def gateway(running: Watched, sandboxes: dict[str, Sandbox]) -> Iterator[Gateway]:
    for sandbox in sandboxes.values():
        sandbox.reset()
    yield running
    assert not running.complaints()
    if any(call.fault for sandbox in sandboxes.values() for call in sandbox.calls(chats=True)):
        manage(running.var, "reset_health")
        time.sleep(0.6)


def configuration(sandboxes: dict[str, Sandbox]) -> dict:
    """`demo` cheap and dear, `small` at a wire that lacks much, and an OpenRouter that is the dear one's sandbox."""
    cheap = provider("cheap", sandboxes["cheap"]) | {"data_policy": "collects"}
    dear = provider("dear", sandboxes["dear"], price={"input": 10, "output": 20}, quality=0.95)
    local = provider("local", sandboxes["local"], model="small", upstream_model="demo")
    router = provider("openrouter", sandboxes["dear"], model="routed", upstream_model="vendor/demo")
    tenants = [{"name": name, "keys": [{"name": "ci"}], "default_policy": "cheap-first"} for name in ("team", "rivals")]
    return {"providers": [cheap, dear, local, router], "policies": POLICIES, "tenants": tenants}


def served_by(answer) -> str:
    assert answer.status_code == 200, answer.text
    return f"{answer.headers['x-neuroroute-provider']}/{answer.headers['x-neuroroute-model']}"


def rules(gateway: Gateway, answer) -> dict[str, str]:
    excluded = gateway.story(answer.headers["x-request-id"])["decision"]["excluded"]
    return {each["deployment"]: each["rule"] for each in excluded}


@pytest.mark.parametrize(
    ("wish", "by", "rule"),
    [
        ({"order": ["dear"]}, "dear/demo", None),
        ({"only": ["dear"]}, "dear/demo", "provider.only"),
        ({"ignore": ["cheap"]}, "dear/demo", "provider.ignore"),
        ({"max_price": {"prompt": 5}}, "cheap/demo", "provider.max_price.prompt"),
        ({"data_collection": "deny", "only": ["cheap", "dear"]}, None, None),
    ],
)
def test_wishes_of_providers_are_granted_and_recorded(gateway, wish, by, rule):
    answer = gateway.chat("Hello", "demo", provider=wish)
    if by is None:
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_eligible_candidate")
        assert answer.headers["x-should-retry"] == "false"
        assert "unknown whether its provider collects prompts" in answer.json()["error"]["message"]
        assert set(rules(gateway, answer).values()) >= {"provider.data_collection"}, "its record says who was weighed"
        return
    assert served_by(answer) == by
    assert rule is None or rule in rules(gateway, answer).values()


def test_without_fallbacks_a_failure_is_told(gateway, sandboxes):
    sandboxes["cheap"].script(fault("503"), fault("503"))
    answer = gateway.chat("Hello", "demo", provider={"allow_fallbacks": False})
    assert answer.status_code == 503 and not sandboxes["dear"].calls(chats=True)


def test_preferences_quality_and_cost_end_to_end(gateway):
    assert served_by(gateway.chat("Hello", "demo", preferences={"qualityWeight": 1})) == "dear/demo"
    assert served_by(gateway.chat("Hello", "demo", preferences={"costWeight": 1})) == "cheap/demo"
    assert served_by(gateway.chat("Hello", "demo", neuroroute={"quality": 0.9})) == "dear/demo"
    capped = gateway.chat("Hello", "demo", max_tokens=1000, neuroroute={"max_cost_usd": 0.005})
    assert served_by(capped) == "cheap/demo" and "x-neuroroute-warnings" not in capped.headers
    assert "cache" in gateway.chat("Hello", neuroroute={"cache": "on"}).headers["x-neuroroute-warnings"]


def test_a_bad_wish_is_a_400_that_names_the_field(gateway):
    for field, body in (
        ("provider.sort", {"provider": {"sort": "beauty"}}),
        ("neuroroute.quality", {"neuroroute": {"quality": 9}}),
    ):
        error = gateway.chat("Hello", "demo", **body)
        assert (error.status_code, error.json()["error"]["param"]) == (400, field)


def test_openrouter_receives_what_is_meant_for_it_and_others_do_not(gateway, sandboxes):
    wishes = {"order": ["dear", "deepinfra"], "zdr": True}
    fields = {"provider": wishes, "models": ["demo", "their/other"], "transforms": ["middle-out"]}
    assert served_by(gateway.chat("Hello", "routed", **fields)) == "openrouter/routed"
    (call,) = sandboxes["dear"].calls(chats=True)
    assert call.body["provider"] == {"order": ["deepinfra"], "zdr": True}
    assert (call.body["models"], call.body["transforms"]) == (["their/other"], ["middle-out"])
    gateway.chat("Hello", "demo", provider={"order": ["deepinfra"]}, transforms=["middle-out"])
    (call,) = sandboxes["cheap"].calls(chats=True)
    assert "provider" not in call.body and call.body["transforms"] == ["middle-out"]


def test_a_parameter_that_no_deployment_can_carry_is_a_400_that_names_it(gateway, sandboxes):
    for field, fields in (
        ("n", {"n": 2}),
        ("logprobs", {"logprobs": True}),
        ("tool_choice", {"tools": [WEATHER], "tool_choice": "required"}),
    ):
        for stream in (False, True):
            error = gateway.chat("Hello", "small", stream=stream, **fields)
            told = error.json()["error"]
            assert (error.status_code, told["code"], told["param"]) == (400, "unsupported_parameter", field)
    assert not sandboxes["local"].calls(chats=True)


def test_the_operator_lets_a_deployment_drop_what_its_wire_lacks(gateway, sandboxes):
    gateway.apply(local_drops(sandboxes, "drop"))
    time.sleep(0.8)
    try:
        answer = gateway.chat("Hello", "small", n=2)
        assert served_by(answer) == "local/small" and "n dropped" in answer.headers["x-neuroroute-warnings"]
    finally:
        gateway.apply(local_drops(sandboxes, "default"))
        time.sleep(0.8)
    tuned = gateway.chat("Hello", "small", logit_bias={"1": 1})
    assert "logit_bias dropped" in tuned.headers["x-neuroroute-warnings"]


def local_drops(sandboxes: dict[str, Sandbox], way: str) -> dict:
    return {"providers": [provider("local", sandboxes["local"], model="small", upstream_model="demo", unsupported=way)]}


def test_chores_of_a_front_end_go_where_the_policy_sends_them(gateway):
    assert served_by(gateway.chat("Hello", "auto")) == "cheap/demo"
    answer = gateway.chat(TITLE, "auto")
    assert served_by(answer) == "dear/demo"
    story = gateway.story(answer.headers["x-request-id"])
    assert story["features"]["client_task"] == "title"
    assert (story["policy"], story["decision"]["instead_of"]) == ("dear-first", "cheap-first")
    assert served_by(gateway.chat(TITLE, "cheap/demo")) == "cheap/demo"


def loop(gateway: Gateway, sandbox: Sandbox, policy: str = "auto:dear-first", stream: bool = False) -> list[dict]:
    """A conversation whose last message answers a tool call that the dear deployment made."""
    sandbox.script(tool_call("weather", city="Rome"))
    if stream:
        _, events = gateway.events(QUESTION["content"], policy, tools=[WEATHER])
        deltas = [c["delta"] for e in events if isinstance(e, dict) for c in e["choices"]]
        call = next(c for d in deltas for c in d.get("tool_calls") or ())
        call = {"id": call["id"], "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    else:
        answer = gateway.chat(QUESTION["content"], policy, tools=[WEATHER])
        assert served_by(answer) == "dear/demo"
        (call,) = answer.json()["choices"][0]["message"]["tool_calls"]
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    return [QUESTION, asked, {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}]


@pytest.mark.parametrize("stream", [False, True])
def test_an_open_tool_loop_stays_with_its_deployment_whatever_the_policy_prefers(gateway, sandboxes, stream):
    messages = loop(gateway, sandboxes["dear"], stream=stream)
    answer = gateway.chat(model="auto:cheap-first", messages=messages, tools=[WEATHER])
    assert served_by(answer) == "dear/demo"
    assert rules(gateway, answer)["cheap/demo"] == "serving identity"
    closed = [*messages, {"role": "assistant", "content": "Sunny."}, {"role": "user", "content": "Thanks"}]
    assert served_by(gateway.chat(model="auto:cheap-first", messages=closed)) == "cheap/demo"


def test_another_model_named_explicitly_and_another_tenant_are_free(gateway, sandboxes):
    messages = loop(gateway, sandboxes["dear"])
    assert served_by(gateway.chat(model="small", messages=messages)) == "local/small"
    assert served_by(gateway.chat(model="cheap/demo", messages=messages)) == "cheap/demo"
    mine = gateway.keys.pop("team/ci")
    try:
        assert served_by(gateway.chat(model="auto:cheap-first", messages=messages)) == "cheap/demo"
    finally:
        gateway.keys = {"team/ci": mine} | gateway.keys


def test_a_bound_deployment_that_must_be_left_alone_is_a_503_that_names_it(gateway, sandboxes):
    messages = loop(gateway, sandboxes["dear"])
    sandboxes["dear"].script(rate_limited(retry_after=60))
    assert gateway.chat(model="auto:cheap-first", messages=messages).status_code == 429
    refused = gateway.chat(model="auto:cheap-first", messages=messages)
    told = refused.json()["error"]
    assert (refused.status_code, told["code"]) == (503, "no_eligible_candidate")
    assert "cheap/demo: the conversation is bound to dear/demo" in told["message"]
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_a_bound_deployment_that_is_disabled_is_a_503_that_names_it(gateway, sandboxes):
    messages = loop(gateway, sandboxes["dear"])
    gateway.apply({"providers": [{"name": "dear", "enabled": False}]})
    time.sleep(0.8)
    try:
        refused = gateway.chat(model="auto", messages=messages)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_eligible_candidate")
        assert "bound to dear/demo, which is not enabled" in refused.json()["error"]["message"]
        assert served_by(gateway.chat(model="cheap/demo", messages=messages)) == "cheap/demo"
    finally:
        gateway.apply({"providers": [{"name": "dear", "enabled": True}]})
        time.sleep(0.8)


def serving_keys(own: Services) -> list[bytes]:
    """Written in the background: a machine without time may be late with them."""
    with closing(redis.Redis.from_url(own.redis_url)) as client:
        return list(client.scan_iter(f"{own.redis_prefix}:serving:*"))


def test_two_workers_share_whom_a_conversation_is_bound_to(services, tmp_path, sandboxes):
    """Through Redis: whichever worker answers the second request."""
    for sandbox in sandboxes.values():
        sandbox.reset()
    with open_services() as own:
        assert isinstance(own, Services)
        env = own.environment() | {"WEB_WORKERS": "2"}
        manage(tmp_path, "migrate", "-v0", env=env)
        gateway = Gateway(tmp_path, env)
        gateway.apply(configuration(sandboxes))
        gateway.start("--workers", "2")
        try:
            messages = loop(gateway, sandboxes["dear"])
            assert wait_until(lambda: serving_keys(own))
            answers = [gateway.chat(model="auto:cheap-first", messages=messages) for _ in range(12)]
            assert {served_by(answer) for answer in answers} == {"dear/demo"}
        finally:
            gateway.stop()
