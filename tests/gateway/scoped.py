"""Every address that asks who calls, and how a key of some name asks there."""

from typing import Any

import httpx

from .gateway import Gateway

QUESTION = [{"role": "user", "content": "Hello"}]
CHAT, RESPONSE = {"messages": QUESTION}, {"input": "Hello"}
MESSAGE, PROMPT = CHAT | {"max_tokens": 50}, {"prompt": "Hello"}
RATING = {"response_id": "req_" + "0" * 32, "score": 1}
FOUND = {"modelId": "demo", "prompt": "Hello", "response": "Hi"}
# Every address that asks who calls, by its route: method, path, body.
ADDRESSES: dict[str, list[tuple[str, str, dict[str, Any] | None]]] = {
    "chat": [("POST", path, {"model": "demo", **CHAT}) for path in ("/v1/chat/completions", "/chat/completions")],
    "responses": [("POST", "/v1/responses", {"model": "demo", **RESPONSE}), ("GET", "/v1/responses/resp_1", None)],
    "messages": [
        ("POST", path, {"model": "demo", **MESSAGE}) for path in ("/v1/messages", "/v1/messages/count_tokens")
    ],
    "embeddings": [("POST", p, {"model": "vectors", "input": "Hello"}) for p in ("/v1/embeddings", "/embeddings")],
    "prompt": [("POST", path, {"model": "demo", **PROMPT}) for path in ("/prompt", "/api/route")],
    "route": [("POST", "/v1/route", {"model": "demo", **CHAT})],
    "feedback": [
        ("POST", "/v1/feedback", RATING),
        ("POST", "/api/feedback", FOUND | {"feedback": {"rating": 5}}),
        ("GET", "/api/feedback", None),
        ("POST", "/api/eval", FOUND | {"score": 1}),
        ("GET", "/api/eval", None),
    ],
    "requests": [("GET", "/v1/requests/req_" + "0" * 32, None)],
    "usage": [("GET", "/v1/usage", None)],
    "health": [("GET", "/v1/health/providers", None)],
}
OPEN = {"/v1/models", "/models", "/api/models"}  # to every key: it lists what this very key may call


def ask(
    gateway: Gateway, key: str, path: str = "/v1/chat/completions", method: str = "POST", **body: Any
) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.keys[key if '/' in key else f'team/{key}']}"}
    return httpx.request(method, gateway.url + path, json=body or None, headers=headers, timeout=20)


def chat(gateway: Gateway, key: str, model: str, **fields: Any) -> httpx.Response:
    return ask(gateway, key, model=model, messages=QUESTION, **fields)


def served_by(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return f"{answer.headers['x-neuroroute-provider']}/{answer.headers['x-neuroroute-model']}"
