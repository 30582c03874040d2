"""The answers of the data plane that Swagger shows, as a gateway gives them."""

from typing import Any

import httpx

from tests.answerskept import hold, one_row
from tests.gateway.gateway import Gateway

FOUND = {"modelId": "demo", "prompt": "Why?", "response": "Because."}
READ = {
    "listModels": "/v1/models",
    "retrieveModel": "/v1/models/demo",
    "retrieveRequest": "/v1/requests/{id}",
    "retrieveUsage": "/v1/usage",
    "providersHealth": "/v1/health/providers",
    "listFeedback": "/api/feedback",
    "listEvals": "/api/eval",
}


def test_every_answer_that_is_shown_has_the_fields_that_are_answered(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.url, headers=headers, timeout=30) as client:
        asked = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
        answer = client.post("/v1/chat/completions", json=asked)
        client.post("/api/feedback", json=FOUND | {"feedback": {"rating": 5, "category": "truth", "comment": "good"}})
        client.post("/api/eval", json=FOUND | {"score": 1})
        asked_id = answer.headers["x-neuroroute-request-id"]
        answers: dict[str, Any] = {}
        for operation, path in READ.items():
            told = client.get(path.format(id=asked_id))
            assert told.status_code == 200, (path, told.text)
            answers[operation] = one_row(told.json())
    hold(answers)
