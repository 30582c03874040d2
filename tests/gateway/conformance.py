"""Does an answer on one of OpenAI's routes follow OpenAI's published schema, and the rules that it cannot say?"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jsonschema import ValidationError

from tests.adapters.contract import check

ERROR_KEYS: Final = {"message", "type", "param", "code"}


def is_openais(path: str) -> bool:
    """Whether OpenAI's document describes what stands at this address."""
    return path in JUDGES or path.startswith(("/v1/models/", "/models/"))


def complaints(answer: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an answer as `watched.py` notes it; nothing for a right one."""
    method, path = answer["asked"].split(" ", 1)
    try:
        if answer["status"] >= 400:
            _judge_error(json.loads(answer["body"]))
        elif answer["status"] == 200 and method in ("GET", "POST"):
            _judge(path, answer)
    except (ValidationError, AssertionError, ValueError, KeyError) as exc:
        message = exc.message if isinstance(exc, ValidationError) else repr(exc)
        yield f"{answer['asked']} {answer['status']}: {message[:300]} in {answer['body'][:600]}"


def _judge_error(payload: dict[str, Any]) -> None:
    check(payload, "ErrorResponse")
    assert set(payload["error"]) == ERROR_KEYS, "all four keys, always"


def _judge(path: str, answer: Mapping[str, Any]) -> None:
    if answer["type"].startswith("text/event-stream"):
        events = list(_events(answer["body"]))
        judge = _judge_response_events if path == "/v1/responses" else _judge_chunks
        return judge(events, bool(answer["ended"]))
    return JUDGES.get(path, _judge_model)(json.loads(answer["body"]))


def _events(body: str) -> Iterator[Any]:
    """The data of each complete event; what the client left behind unfinished is none."""
    for block in body.split("\n\n")[:-1]:
        said = [line.removeprefix("data:").strip() for line in block.split("\n") if line.startswith("data:")]
        if said:
            yield said[0] if said[0] == "[DONE]" else json.loads("\n".join(said))


def _judge_chunks(events: list[Any], ended: bool) -> None:
    """Chunks share id, created and model; one role per choice, one finish; `[DONE]` is last and follows a finish."""
    chunks = [event for event in events if isinstance(event, dict) and "error" not in event]
    for error in (event for event in events if isinstance(event, dict) and "error" in event):
        _judge_error({"error": error["error"]})
    for chunk in chunks:
        check(chunk, "CreateChatCompletionStreamResponse")
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) <= 1, "one id, created, model"
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    for index in {choice["index"] for choice in choices}:
        _judge_choice([choice for choice in choices if choice["index"] == index])
    finished = any(choice["finish_reason"] for choice in choices)
    assert "[DONE]" not in events[:-1], "[DONE] is last"
    assert "[DONE]" not in events or finished, "[DONE] without a finish_reason"
    if ended and events:
        assert events[-1] == "[DONE]" or "error" in events[-1], "a stream ends with [DONE] or an error"


def _judge_choice(choices: list[dict[str, Any]]) -> None:
    assert sum("role" in choice["delta"] for choice in choices) <= 1, "the role comes once"
    assert sum(bool(choice["finish_reason"]) for choice in choices) <= 1, "one finish_reason"
    opened: list[int] = []
    for piece in (piece for choice in choices for piece in choice["delta"].get("tool_calls") or ()):
        if piece["index"] not in opened:
            assert piece.get("id") and piece["function"].get("name"), "a tool call opens with id and name"
            opened.append(piece["index"])
    assert opened == list(range(len(opened))), "tool calls are numbered without a gap"


def _judge_response_events(events: list[Any], ended: bool) -> None:
    for event in events:
        check(event, "ResponseStreamEvent")
    numbers = [event["sequence_number"] for event in events]
    assert numbers == list(range(len(numbers))), "sequence numbers count from 0"
    if ended and events:
        ends = {"response.completed", "response.incomplete", "response.failed", "error"}
        assert events[-1]["type"] in ends, "a stream ends with what became of the response"


def _judge_answer(payload: dict[str, Any]) -> None:
    check(payload, "CreateChatCompletionResponse")


def _judge_response(payload: dict[str, Any]) -> None:
    check(payload, "Response")


def _judge_embeddings(payload: dict[str, Any]) -> None:
    """Base64, which the schema does not know, stands for a list of numbers."""
    rows = [row | {"embedding": []} if isinstance(row["embedding"], str) else row for row in payload["data"]]
    check(payload | {"data": rows}, "CreateEmbeddingResponse")


def _judge_listing(payload: dict[str, Any]) -> None:
    check(payload, "ListModelsResponse")


def _judge_model(payload: dict[str, Any]) -> None:
    check(payload, "Model")


JUDGES: Final[Mapping[str, Callable[[dict[str, Any]], None]]] = {
    "/v1/chat/completions": _judge_answer,
    "/chat/completions": _judge_answer,
    "/v1/responses": _judge_response,
    "/v1/embeddings": _judge_embeddings,
    "/v1/models": _judge_listing,
    "/models": _judge_listing,
    "/v1/models/": _judge_listing,
    "/models/": _judge_listing,
}
