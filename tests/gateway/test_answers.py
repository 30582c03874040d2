"""Any client gets an answer, and learns which model gave it, why, and at what cost."""

import gzip
import time
from decimal import Decimal

import httpx
import pytest

from .conftest import two_providers
from .gateway import text_of


def test_a_whole_answer_with_its_headers(gateway, primary):
    primary.script("Good morning")
    answer = gateway.chat("Hello")
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "Good morning"
    assert answer.json()["model"] == "demo"
    seen = answer.headers
    assert seen["x-neuroroute-model"] == "demo"
    assert seen["x-neuroroute-provider"] == "primary"
    assert seen["x-neuroroute-policy"] == "primary-first"
    assert seen["x-neuroroute-attempts"] == "1"
    assert float(seen["x-neuroroute-overhead-ms"]) > 0
    usage = answer.json()["usage"]
    expected = (Decimal(usage["prompt_tokens"]) * 1 + Decimal(usage["completion_tokens"]) * 2) / 1_000_000
    assert Decimal(seen["x-neuroroute-cost-usd"]) == expected


def test_a_stream_ends_with_done_and_carries_the_usage_only_when_asked(gateway, primary):
    primary.script("One two three", "One two three")
    answer, events = gateway.events("Count")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-neuroroute-model"] == "demo"
    assert events[-1] == "[DONE]" and text_of(events) == "One two three"
    assert all(event["choices"] for event in events[:-1])
    assert {event["model"] for event in events[:-1]} == {"demo"}
    _, events = gateway.events("Count", stream_options={"include_usage": True})
    assert events[-2]["choices"] == [] and events[-2]["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("model", ["auto", "auto:cheap", "auto:fast", "auto:best", "auto:balanced", "demo",
                                   "demo-latest", "fallback/demo", "primary/demo"])  # fmt: skip
def test_every_way_of_naming_a_model_is_answered(gateway, model):
    answer = gateway.chat("Hello", model)
    assert answer.status_code == 200, answer.text
    if "/" in model:
        assert answer.headers["x-neuroroute-provider"] == model.partition("/")[0]


def test_the_upstream_gets_unknown_fields_and_our_credential_but_no_router_fields(gateway, primary):
    gateway.chat("Hello", zork={"a": 1}, neuroroute={"tags": ["x"]}, models=["demo"])
    call = primary.calls(chats=True)[-1]
    assert call.body["zork"] == {"a": 1}
    assert not {"neuroroute", "models"} & set(call.body)
    assert call.headers["authorization"] == "Bearer sk-upstream-secret-1234"


def test_explain_tells_the_decision_in_the_body(gateway):
    answer = gateway.chat("Hello", neuroroute={"explain": True}).json()
    assert answer["routing_metadata"]["attempts"] == [{"provider": "primary", "model": "demo", "status": "answered"}]
    _, events = gateway.events("Hello", neuroroute={"explain": True})
    assert events[-2]["routing_metadata"]["policy_used"] == "primary-first"
    assert not any("routing_metadata" in event for event in events[:-2])


def test_route_explains_without_calling_anybody(gateway, primary, fallback):
    body = {"model": "auto", "messages": [{"role": "user", "content": "Write Python code"}]}
    answer = httpx.post(f"{gateway.url}/v1/route", json=body, headers=gateway.headers)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["first_choice"] == "primary/demo"
    assert found["features"]["category"] == "coding"
    assert [c["deployment"] for c in found["decision"]["candidates"]] == ["primary/demo", "fallback/demo"]
    assert Decimal(found["expected_cost_usd"]["low"]) < Decimal(found["expected_cost_usd"]["high"])
    assert not primary.calls(chats=True) and not fallback.calls(chats=True)


@pytest.mark.parametrize("shipped", [False, True])
def test_the_story_can_be_read_at_once_and_after_it_was_shipped(gateway, primary, shipped):
    primary.script("Short story")
    answer = gateway.chat("Tell me")
    if shipped:
        gateway.ship()
    story = gateway.story(answer.headers["x-neuroroute-request-id"])
    assert story["status"] == "answered"
    assert story["features"]["prompt_tokens"] > 0
    assert story["decision"]["candidates"][0]["parts"].keys() == {"cost", "latency", "quality", "uptime"}
    assert [a["deployment"] for a in story["attempts"]] == ["primary/demo"]
    assert story["usage"]["completion_tokens"] == answer.json()["usage"]["completion_tokens"]
    assert story["cost"]["usd"] == answer.headers["x-neuroroute-cost-usd"]
    assert story["cost"]["forecast_low_usd"] and story["cost"]["forecast_high_usd"]


def test_nobody_reads_the_story_of_another(gateway):
    request_id = gateway.chat("Secret").headers["x-neuroroute-request-id"]
    answer = httpx.get(f"{gateway.url}/v1/requests/{request_id}", headers={"authorization": "Bearer nr-wrong"})
    assert answer.status_code == 401
    unknown = httpx.get(f"{gateway.url}/v1/requests/req_{'0' * 32}", headers=gateway.headers)
    assert unknown.status_code == 404 and unknown.json()["error"]["code"] == "request_not_found"


def test_models_lists_own_names_first_then_what_may_be_called(gateway):
    answer = httpx.get(f"{gateway.url}/v1/models", headers=gateway.headers)
    entries = answer.json()["data"]
    assert entries[0]["id"] == "auto" and entries[-1]["id"] == "demo"
    assert entries[-1]["providers"] == ["fallback", "primary"] and entries[-1]["context_length"] == 128000
    assert entries[-1]["pricing"] == {"prompt": "0.000001", "completion": "0.000002"}
    one = httpx.get(f"{gateway.url}/v1/models/demo", headers=gateway.headers)
    assert one.json()["id"] == "demo"
    for name in ("demo-latest", "primary/demo"):
        assert httpx.get(f"{gateway.url}/v1/models/{name}", headers=gateway.headers).json()["id"] == "demo"
    none = httpx.get(f"{gateway.url}/v1/models/dmo", headers=gateway.headers)
    assert none.status_code == 404 and "nearest: demo" in none.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
@pytest.mark.parametrize("carrier", ["authorization", "x-api-key", "api-key"])
def test_carriers_of_a_key_and_aliases(gateway, path, carrier):
    value = f"Bearer {gateway.key}" if carrier == "authorization" else gateway.key
    body = {"model": "demo", "messages": [{"role": "user", "content": "x"}]}
    assert httpx.post(gateway.url + path, json=body, headers={carrier: value}).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer nope"}, {"authorization": "Basic eA=="}])
@pytest.mark.parametrize("stream", [False, True])
def test_one_refusal_for_every_bad_key(gateway, headers, stream):
    body = {"model": "demo", "messages": [{"role": "user", "content": "x"}], "stream": stream}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("stream", [False, True])
def test_bad_requests_name_the_field(gateway, stream):
    answer = gateway.chat("x", "dem", stream=stream)
    assert answer.status_code == 404 and "nearest: demo" in answer.json()["error"]["message"]
    answer = gateway.chat("x", temperature="hot", stream=stream)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "temperature"
    answer = gateway.chat("x" * 600_000, stream=stream)
    error = answer.json()["error"]
    assert answer.status_code == 400 and "context 128,000 <" in error["message"]
    assert (error["param"], error["code"]) == ("messages", "context_length_exceeded")


def test_a_method_that_is_not_allowed_and_a_body_that_is_no_json(gateway):
    assert httpx.get(f"{gateway.url}/v1/chat/completions", headers=gateway.headers).status_code == 405
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", content=b'{"a', headers=gateway.headers)
    assert answer.status_code == 400 and "not valid JSON" in answer.json()["error"]["message"]
    packed = gzip.compress(b'{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}')
    said = gateway.headers | {"content-encoding": "gzip"}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", content=packed, headers=said)
    assert answer.status_code == 400 and "compressed (gzip); send it as it is" in answer.json()["error"]["message"]


def test_whoever_asks_for_the_head_of_a_page_gets_it_alone(gateway):
    for path in ("/v1/models", "/health"):
        whole, head = (httpx.request(how, f"{gateway.url}{path}", headers=gateway.headers) for how in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))


def test_health_schema_docs_and_metrics_answer(gateway):
    gateway.chat("Count me")
    gateway.ship()
    assert httpx.get(f"{gateway.url}/health").json() == {"status": "ok"}
    ready = httpx.get(f"{gateway.url}/health/ready")
    assert ready.status_code == 200, ready.text
    assert set(ready.json()["checks"]) == {"database", "cache", "configuration", "journal", "draining"}
    schema = httpx.get(f"{gateway.url}/api/schema").text
    assert "/v1/chat/completions" in schema and "ChatCompletionRequest" in schema
    assert httpx.get(f"{gateway.url}/api/docs").status_code == 200
    metrics = httpx.get(f"{gateway.url}/metrics").text
    assert "llm_requests_total{" in metrics


def test_a_change_is_live_within_a_second(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback))
    assert gateway.chat("x", "brand-new").status_code == 404
    model = {"model": "brand-new", "upstream_model": "demo", "context": 1000}
    gateway.apply({"providers": [{"name": "primary", "deployments": [model]}]})
    time.sleep(1)
    answer = gateway.chat("x", "brand-new")
    assert answer.status_code == 200
    assert "x-neuroroute-cost-usd" not in answer.headers  # no price: unknown, never 0
    assert gateway.story(answer.headers["x-request-id"])["cost"]["usd"] is None
