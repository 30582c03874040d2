"""An Idempotency-Key through the whole gateway: one call upstream, one record, one answer."""

import asyncio

import httpx
import pytest

from providers.sandbox.testing import fault

CHAT = {"model": "primary/demo", "messages": [{"role": "user", "content": "Hello"}]}
BODIES = {
    "/v1/chat/completions": CHAT,
    "/v1/responses": {"model": "primary/demo", "input": "Hello"},
    "/v1/messages": {**CHAT, "max_tokens": 20},
    "/prompt": {"model": "primary/demo", "prompt": "Hello"},
}
REPLAYED = "idempotent-replayed"


def post(gateway, path, body, key):
    headers = gateway.headers | {"idempotency-key": key}
    return httpx.post(gateway.url + path, json=body, headers=headers, timeout=30)


def test_fifty_equal_requests_make_one_call_and_have_one_answer(gateway, primary):
    async def all_at_once():
        async with httpx.AsyncClient(timeout=30, headers=gateway.headers | {"idempotency-key": "fifty"}) as client:
            address = f"{gateway.url}/v1/chat/completions"
            return await asyncio.gather(*(client.post(address, json=CHAT) for _ in range(50)))

    answers = asyncio.run(all_at_once())
    assert {answer.status_code for answer in answers} == {200}
    assert len({(answer.content, answer.headers["x-request-id"]) for answer in answers}) == 1
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert len(primary.calls(chats=True)) == 1


@pytest.mark.parametrize("path", BODIES)
def test_every_surface_answers_again_with_the_same(gateway, primary, path):
    first, again = (post(gateway, path, BODIES[path], f"again {path}") for _ in range(2))
    assert (first.status_code, REPLAYED in first.headers) == (200, False)
    assert again.headers[REPLAYED] == "true" and again.content == first.content
    other = post(gateway, path, {**BODIES[path], "temperature": 0.5}, f"again {path}")
    assert (other.status_code, other.headers["x-should-retry"]) == (422, "false")
    assert "another body" in other.text
    assert len(primary.calls(chats=True)) == 1


def test_answers_given_again_are_counted_as_hits(gateway, primary):
    def hits():
        lines = httpx.get(f"{gateway.url}/metrics", timeout=30).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("llm_cache_hits_total "))

    before = hits()
    for _ in range(3):
        post(gateway, "/v1/chat/completions", CHAT, "counted")
    assert hits() == before + 2


def test_a_failure_is_not_kept(gateway, primary):
    primary.script(fault("400"), "Hello to you")
    assert post(gateway, "/v1/chat/completions", CHAT, "fails").status_code == 400
    assert post(gateway, "/v1/chat/completions", {**CHAT, "n": 0}, "fails").status_code == 400
    answered = post(gateway, "/v1/chat/completions", CHAT, "fails")
    assert answered.status_code == 200 and REPLAYED not in answered.headers


def test_a_stream_runs_anew_and_says_so(gateway, primary):
    for _ in range(2):
        answer = post(gateway, "/v1/chat/completions", {**CHAT, "stream": True}, "stream")
        assert "idempotency-key: ignored" in answer.headers["x-neuroroute-warnings"]
    assert len(primary.calls(chats=True)) == 2


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/eval"])
def test_a_key_has_its_bounds(gateway, path):
    for key, status in (("k" * 255, 401), ("k" * 256, 400), ("", 400)):
        headers = {"authorization": "Bearer nobody", "idempotency-key": key}
        assert httpx.post(gateway.url + path, json={}, headers=headers).status_code == status


def test_a_write_happens_once(gateway):
    told = {"modelId": "demo", "prompt": "Once?", "response": "Once.", "score": 1, "expected": "Once."}
    first, again = (post(gateway, "/api/eval", told, "write") for _ in range(2))
    assert first.status_code == 200, first.text
    assert again.headers[REPLAYED] == "true" and again.json() == first.json()
    assert post(gateway, "/api/eval", told | {"score": 0}, "write").json()["error"]["code"] == "idempotency_key_reused"
    kept = httpx.get(f"{gateway.url}/api/eval", headers=gateway.headers, timeout=10).json()["data"]
    assert sum(each["prompt"] == "Once?" for each in kept) == 1
