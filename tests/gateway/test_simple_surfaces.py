"""One prompt in, one answer out; and the addresses of older routers."""

from decimal import Decimal

import httpx
import pytest

from providers.sandbox.testing import fault, tool_call

from .conftest import two_providers
from .gateway import text_of

TOKENS = {"prompt", "completion", "total", "estimated"}


def post(gateway, path, key=None, **body):
    headers = {"authorization": f"Bearer {key}"} if key else gateway.headers
    return httpx.post(gateway.url + path, json=body, headers=headers, timeout=30)


def get(gateway, path, **parameters):
    return httpx.get(gateway.url + path, params=parameters, headers=gateway.headers, timeout=30)


def test_a_prompt_is_answered(gateway, primary):
    primary.script("Hello to you")
    answer = post(gateway, "/prompt", prompt="Hello", system="Be kind", temperature=0.5)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["response"], said["model_used"], said["provider"]) == ("Hello to you", "demo", "primary")
    assert said["finish_reason"] == "stop" and said["processing_time"] > 0
    assert set(said["tokens"]) == TOKENS
    assert said["tokens"]["total"] == said["tokens"]["prompt"] + said["tokens"]["completion"] > 0
    assert said["cost_usd"] == answer.headers["x-neuroroute-cost-usd"]
    sent = primary.calls(chats=True)[0].body
    assert [(m["role"], m["content"]) for m in sent["messages"]] == [("system", "Be kind"), ("user", "Hello")]
    assert sent["temperature"] == 0.5 and "prompt" not in sent and "system" not in sent
    story = gateway.story(said["request_id"])
    assert (story["status"], story["asked_model"]) == ("answered", "auto")
    assert str(story["usage"]["prompt_tokens"]) == str(said["tokens"]["prompt"])


def test_a_routed_prompt_brings_the_decision(gateway, primary, fallback):
    primary.script(fault("500"))
    fallback.script("From the fallback")
    wish = {"costWeight": 0.2, "latencyWeight": 0.3, "qualityWeight": 0.5}
    answer = post(gateway, "/api/route", prompt="Hello", model="demo", neuroroute={"policy": "primary-first"})
    said = answer.json()
    assert (said["response"], said["provider"], said["policy"]) == ("From the fallback", "fallback", "primary-first")
    assert said["first_choice"] == "primary/demo" and said["why"]
    assert [each["status"] for each in said["attempts"]] == ["Overloaded", "answered"]
    assert [each["deployment"] for each in said["decision"]["candidates"]] == ["primary/demo", "fallback/demo"]
    assert said["features"]["category"] == "chat"
    weighed = post(gateway, "/api/route", prompt="Hello", preferences=wish).json()["decision"]["weights"]
    assert weighed == {"cost": 0.2, "latency": 0.3, "quality": 0.5}


def test_a_prompt_that_calls_a_tool_says_so(gateway, primary):
    primary.script(tool_call("weather", city="Chennai"))
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    said = post(gateway, "/prompt", prompt="Hello", model="primary/demo", tools=[tool]).json()
    assert said["response"] == "" and said["finish_reason"] == "tool_calls"
    assert said["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Chennai"}'}


def test_a_streamed_prompt_is_a_chats_stream(gateway, primary):
    primary.script("Hello to you")
    answer = post(gateway, "/prompt", prompt="Hello", model="primary/demo", stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    from_lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert from_lines[-1] == "[DONE]"
    assert text_of([httpx.Response(200, text=line).json() for line in from_lines[:-1]]) == "Hello to you"


@pytest.mark.parametrize("path", ["/prompt", "/api/route"])
@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "prompt"),
        ({"prompt": " "}, 400, "prompt"),
        ({"prompt": 5}, 400, "prompt"),
        ({"prompt": "x", "max_tokens": 0}, 400, "max_tokens"),
        ({"prompt": "x", "model": "dem"}, 404, "model"),
        ({"prompt": "x", "preferences": {"costWeight": -1}}, 400, "preferences.costWeight"),
    ],
)
def test_errors_of_prompts_name_the_field(gateway, path, body, status, param):
    answer = post(gateway, path, **body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


@pytest.mark.parametrize("path", ["/prompt", "/api/route", "/embeddings", "/v1/embeddings"])
def test_nobody_is_served_without_a_key(gateway, primary, path):
    answer = httpx.post(gateway.url + path, json={"prompt": "x", "input": "x", "model": "demo"})
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "invalid_api_key"
    assert not primary.calls(chats=True)


def test_addresses_of_older_routers_lead_to_the_same(gateway, primary):
    assert post(gateway, "/chat/completions", model="demo", messages=[{"role": "user", "content": "Hi"}]).is_success
    listed = get(gateway, "/v1/models").json()
    assert get(gateway, "/models").json() == get(gateway, "/api/models").json() == listed
    assert get(gateway, "/models/demo").json() == get(gateway, "/v1/models/demo").json()
    assert (
        httpx.get(f"{gateway.url}/api/health").json() == httpx.get(f"{gateway.url}/health").json() == {"status": "ok"}
    )
    assert "llm_journal_backlog_rows" in httpx.get(f"{gateway.url}/api/metrics").text
    documentation = httpx.get(f"{gateway.url}/documentation")
    assert documentation.is_redirect and documentation.headers["location"] == "/api/docs"


def test_usage_says_what_was_used_paid_and_left(make_gateway, primary, fallback):
    limits = {"requests_per_minute": 600, "requests_per_day": 5000}
    keys = [{"name": "ci", "limits": {"tokens_per_minute": 10**6}}]
    gateway = make_gateway(two_providers(primary, fallback, limits=limits, keys=keys))
    before = get(gateway, "/v1/usage").json()
    assert (before["tenant"], before["key"], before["today"]["requests"]) == ("team", "ci", 0)
    answers = [gateway.chat("Hello") for _ in range(2)]
    gateway.ship()
    after = get(gateway, "/v1/usage").json()
    for period in ("today", "month", "key_month"):
        assert (after[period]["requests"], after[period]["answered"]) == (2, 2)
        assert after[period]["prompt_tokens"] == sum(a.json()["usage"]["prompt_tokens"] for a in answers)
    paid = sum(Decimal(answer.headers["x-neuroroute-cost-usd"]) for answer in answers)
    assert Decimal(after["today"]["cost_usd"]) == paid and after["today"]["unpriced_requests"] == 0
    minute, day, tokens = after["limits"]
    assert (day["name"], day["of"], day["limit"], day["remaining"]) == ("requests_per_day", "tenant", 5000, 4998)
    assert day["resets_at"] >= minute["resets_at"] > after["as_of"]
    assert (tokens["name"], tokens["of"], tokens["limit"]) == ("tokens_per_minute", "key", 10**6)
    assert httpx.get(f"{gateway.url}/v1/usage").status_code == 401


def test_health_of_providers(gateway, primary, fallback):
    primary.script(fault("401"))
    assert gateway.chat("Hello", model="demo", neuroroute={"policy": "primary-first"}).is_success
    listed = get(gateway, "/v1/health/providers").json()
    found = {each["provider"]: each for each in listed["data"]}
    assert (found["fallback"]["state"], found["fallback"]["breaker"]) == ("healthy", "closed")
    assert (found["primary"]["state"], found["primary"]["breaker"]) == ("down", "open")
    resting = found["primary"]["deployments"][0]
    assert (resting["deployment"], resting["state"]) == ("primary/demo", "cooldown")
    assert resting["reason"] == "credential rejected" and resting["back_in_s"] is None
    barred = found["primary"]["barred_credentials"]
    assert barred == {"rate_limited": 0, "quota_exhausted": 0, "credential_rejected": 1}
    assert found["fallback"]["barred_credentials"]["credential_rejected"] == 0
    assert httpx.get(f"{gateway.url}/v1/health/providers").status_code == 401


def test_opinions_and_test_results_of_older_routers(gateway):
    said = {"rating": 4, "category": "truth", "comment": "Right"}
    told = {"modelId": "demo", "prompt": "Why?", "response": "Because."}
    kept = post(gateway, "/api/feedback", **told, feedback=said)
    assert kept.status_code == 200 and kept.json()["feedback"] == said
    assert get(gateway, "/api/feedback", limit=1).json()["data"] == [kept.json()]
    assert get(gateway, "/api/feedback", before=kept.json()["id"], modelId="nobody").json()["data"] == []
    tested = post(gateway, "/api/eval", **told, score=0.75, expected="For reasons.")
    assert tested.status_code == 200 and tested.json()["score"] == 0.75
    assert get(gateway, "/api/eval").json()["data"][0] == tested.json()


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/api/feedback", {"modelId": "m", "prompt": "p", "response": "r"}, "feedback"),
        (
            "/api/feedback",
            {"modelId": "m", "prompt": "p", "response": "r", "feedback": {"rating": 6}},
            "feedback.rating",
        ),
        ("/api/eval", {"modelId": "m", "prompt": "p", "response": "r", "score": 2}, "score"),
        ("/api/eval", {"modelId": 5, "prompt": "p", "response": "r", "score": 1}, "modelId"),
    ],
)
def test_wrong_opinions_name_the_field(gateway, path, body, param):
    refused = post(gateway, path, **body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
    assert get(gateway, path, limit="many").json()["error"]["param"] == "limit"
    assert httpx.get(gateway.url + path).status_code == httpx.post(gateway.url + path, json=body).status_code == 401
