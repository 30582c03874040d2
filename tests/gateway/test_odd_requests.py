"""Odd requests get one clear refusal each, in our own shape, from both faces: never a traceback."""

import httpx
import pytest

from .conftest import two_providers

DEEP = b"[" * 9000 + b"]" * 9000


def post(gateway, content, path="/v1/chat/completions"):
    return httpx.post(gateway.url + path, content=content, headers=gateway.headers, timeout=10)


def body(more=b"", stream=False):
    wish = b'"stream":true,' if stream else b""
    return b'{"model":"demo","messages":[{"role":"user","content":"x"}],%s"zork":1%s}' % (wish, more)


def code_of(answer):
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}, answer.text
    return answer.json()["error"]["code"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/route"])
def test_json_that_is_nested_too_deep_is_refused(gateway, stream, path):
    answer = post(gateway, body(b',"x":' + DEEP, stream), path)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")


def test_a_field_name_written_with_escapes_is_the_same_field(gateway):
    answer = post(gateway, body(b',"\\u0073tream":true'))
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("path", ["/v1/models/", "/models/"])
def test_a_trailing_slash_after_models_lists_them(gateway, path):
    answer = httpx.get(gateway.url + path, headers=gateway.headers)
    assert answer.status_code == 200 and answer.json()["object"] == "list"


@pytest.mark.parametrize("path", ["/v1/chat/completions/", "/v1/nothing", "/v1/models/a%0Ab", "/v1/", "/v1"])
def test_an_address_without_anything_says_so_in_json(gateway, path):
    answer = httpx.post(gateway.url + path, json={}, headers=gateway.headers)
    assert (answer.status_code, code_of(answer)) == (404, "unknown_url")


def test_a_models_name_is_decoded_once(gateway):
    assert httpx.get(gateway.url + "/v1/models/dem%6f", headers=gateway.headers).status_code == 200
    assert httpx.get(gateway.url + "/v1/models/dem%256f", headers=gateway.headers).status_code == 404


def test_options_and_wrong_methods_name_the_right_ones(gateway):
    answer = httpx.options(gateway.url + "/v1/chat/completions")
    assert answer.status_code == 204 and answer.headers["allow"] == "POST, OPTIONS"
    refused = httpx.put(gateway.url + "/v1/chat/completions", json={})
    assert (refused.status_code, code_of(refused)) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("key", [{}, {"idempotency-key": "long"}], ids=["once", "repeatable"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/feedback", "/api/eval", "/api/admin/tenants", "/health"])
def test_a_body_that_is_too_long_is_413_with_the_limit_at_every_address(gateway, path, key):
    pieces = (b" " * 1024 * 1024 for _ in range(33))  # in chunks: no Content-Length says it beforehand
    answer = httpx.post(gateway.url + path, content=pieces, headers=gateway.headers | key, timeout=20)
    assert (answer.status_code, code_of(answer)) == (413, "request_too_large")
    assert "33554432" in answer.json()["error"]["message"] and answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("HEAD", "/v1/models"),
        ("GET", "/v1/models/demo"),
        ("POST", "/v1/route"),
        ("OPTIONS", "/v1/chat/completions"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/usage"),
        ("GET", "/health"),
    ],
)
def test_every_answer_has_a_request_id(gateway, method, path):
    content = body() if method == "POST" else None
    answer = httpx.request(method, gateway.url + path, content=content, headers=gateway.headers, timeout=10)
    assert answer.is_success and answer.headers["x-request-id"].startswith("req_"), answer.headers


def test_auto_with_an_unknown_policy_is_an_unknown_model(gateway):
    answer = gateway.chat("x", model="auto:cheep")
    assert (answer.status_code, code_of(answer)) == (404, "model_not_found")
    assert "nearest: cheap" in answer.json()["error"]["message"]


def test_addresses_that_read_the_database_refuse_in_the_same_shape(gateway):
    answer = httpx.delete(gateway.url + "/v1/feedback", headers=gateway.headers)
    assert (answer.status_code, code_of(answer)) == (405, "method_not_allowed")
    assert code_of(post(gateway, DEEP, "/v1/feedback")) == "invalid_request"


def test_a_database_that_is_away_is_one_clear_503_and_the_data_plane_goes_on(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback))
    for file in [*gateway.var.glob("*.sqlite3*")]:
        file.rename(f"{file}.away")
    (gateway.var / "neuroroute.sqlite3").mkdir()
    answer = httpx.get(f"{gateway.url}/v1/requests/req_{'0' * 32}", headers=gateway.headers)
    assert (answer.status_code, code_of(answer)) == (503, "database_unavailable")
    assert "sqlite" not in answer.text.lower() and "unable" not in answer.text
    assert gateway.chat("Hello").status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_wish_that_is_not_granted_is_said_to_be_ignored(gateway, primary, stream):
    answer = gateway.chat("x", neuroroute={"deadline_ms": 9000, "cache": "read"}, stream=stream)
    assert answer.status_code == 200, answer.text
    told = "neuroroute.cache: not supported, ignored"
    assert answer.headers["x-neuroroute-warnings"] == told
    assert "neuroroute" not in primary.calls(chats=True)[-1].body
    assert gateway.story(answer.headers["x-request-id"])["warnings"] == told.split("; ")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "x" * 300}, "model"),
        ({"model": "a\0b"}, "model"),
        ({"max_tokens": 10**19}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"neuroroute": {"session_id": "s" * 300}}, "neuroroute.session_id"),
        ({"neuroroute": {"tags": ["a\0"]}}, "neuroroute.tags"),
        ({"models": ["demo"] * 33}, "models"),
        ({"preferences": {"costWeight": -5}}, "preferences.costWeight"),
    ],
)
def test_values_that_no_record_could_hold_are_refused_by_name(gateway, fields, param):
    answer = gateway.chat("x", **{"model": "demo"} | fields)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
    assert answer.json()["error"]["param"] == param and len(answer.text) < 500


@pytest.mark.parametrize(
    ("path", "fields", "param", "said"),
    [
        ("/v1/chat/completions", {"models": ["nope"]}, "models", "nope: no enabled deployment"),
        ("/v1/responses", {"input": [{"type": "riddle"}]}, "input", "riddle dropped"),
        ("/v1/messages", {"messages": [{"role": "user", "content": [{"type": "riddle"}]}]}, None, "riddle dropped"),
        (
            "/v1/messages",
            {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
            None,
            "messages: the source",
        ),
    ],
)
def test_a_refusal_says_which_part_of_the_body_it_is_about(gateway, path, fields, param, said):
    asked = {"model": "demo", "messages": [{"role": "user", "content": "x"}]} | fields
    answer = httpx.post(gateway.url + path, json=asked, headers=gateway.headers, timeout=10)
    error = answer.json()["error"]
    assert answer.status_code in (400, 404) and said in error["message"], answer.text
    assert error.get("param") == param
