"""What must come of a cell, and whether it did."""

import json
from typing import Any

from msgspec import Struct, field

from providers.sandbox.testing import Received
from tests.gateway.gateway import parse_events, text_of

PRIMARY_TEXT = "This comes from the primary, word by word, to its very last one."
FALLBACK_TEXT = "This comes from the fallback."
SECRET = "sk-upstream-secret-1234"
HEADERS_AFTER_S = 15  # `STREAM_HEADERS_AFTER_S`, by default
NEVER_SHOWN = (SECRET, "nginx", "poison", "Traceback")


class Seen(Struct):
    """One answer of the gateway with what the upstreams saw of it."""

    status: int
    headers: dict[str, str]
    body: str
    took_s: float
    story: dict[str, Any]
    calls: list[Received] = field(default_factory=list)  # of the primary
    fallback_calls: list[Received] = field(default_factory=list)

    @property
    def events(self) -> list[Any]:
        return list(parse_events(self.body.splitlines()))

    @property
    def is_stream(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def text(self) -> str:
        if self.is_stream:
            return text_of(self.events)
        return json.loads(self.body)["choices"][0]["message"]["content"] or ""

    @property
    def error(self) -> dict[str, Any]:
        """The error that the caller is told, by status or by event."""
        whole = self.events[-1] if self.is_stream else json.loads(self.body)
        return dict(whole["error"])


class Expect(Struct, frozen=True):
    """`by` is who answered, "" for an error with `status` and `code`; `cut` is an error inside the stream."""

    by: str = ""
    status: int = 200
    code: str = ""
    cut: bool = False
    text: str | None = None  # None: the usual of who answers
    calls: tuple[int, int] = (1, 1)  # of the primary, least and most
    fallback_calls: tuple[int, int] = (0, 0)
    closed: bool = False  # the gateway closed the primary's connection before it had ended
    retry_after: tuple[int, int] | None = None
    within_s: float = 20.0


def answered(text: str | None = None, **more: Any) -> Expect:
    """By the primary."""
    return Expect(by="primary", text=text, **more)


def passed_on(**more: Any) -> Expect:
    """By the fallback, and nobody notices."""
    return Expect(by="fallback", fallback_calls=(1, 1), **more)


def refused(status: int, code: str, **more: Any) -> Expect:
    return Expect(status=status, code=code, **more)


def interrupted(**more: Any) -> Expect:
    """After the first content: told openly, and nobody else is asked."""
    return Expect(code="upstream_interrupted", cut=True, **more)


def judge(seen: Seen, expect: Expect, model: str, stream: bool) -> None:
    """Raise `AssertionError` where the cell is not as it must be."""
    assert not [word for word in NEVER_SHOWN if word in seen.body], seen.body
    assert seen.took_s < expect.within_s
    assert ": keep-alive" not in seen.body or seen.took_s >= HEADERS_AFTER_S  # before them nothing is committed
    _judge_calls(seen, expect)
    if expect.by:
        _judge_answer(seen, expect, model, stream)
    elif expect.cut:
        _judge_cut(seen)
    else:
        assert (seen.status, seen.error["code"]) == (expect.status, expect.code), seen.body
        assert set(seen.error) == {"message", "type", "param", "code"}
        assert seen.story["status"] in ("failed", "rejected")
    if expect.retry_after is not None:
        least, most = expect.retry_after
        assert least <= int(seen.headers["retry-after"]) <= most


def _judge_calls(seen: Seen, expect: Expect) -> None:
    for calls, (least, most) in ((seen.calls, expect.calls), (seen.fallback_calls, expect.fallback_calls)):
        assert least <= len(calls) <= most, ([(call.fault, call.status) for call in calls], seen.story["attempts"])
    if expect.closed:
        assert seen.calls[0].left_early and seen.calls[0].ended_at is not None


def _judge_answer(seen: Seen, expect: Expect, model: str, stream: bool) -> None:
    usual = PRIMARY_TEXT if expect.by == "primary" else FALLBACK_TEXT
    assert seen.status == 200, seen.body
    assert seen.is_stream == stream
    assert seen.text == (usual if expect.text is None else expect.text)
    if stream:
        events = seen.events
        assert events[-1] == "[DONE]" and events.count("[DONE]") == 1, events[-3:]
        assert {event["model"] for event in events[:-1]} == {model}
        assert len({event["id"] for event in events[:-1]}) == 1 and events[0]["id"]
        assert all(isinstance(event["created"], int) for event in events[:-1])
        finishes = [c["finish_reason"] for e in events[:-1] for c in e["choices"] if c["finish_reason"]]
        assert len(finishes) == 1
    else:
        whole = json.loads(seen.body)
        assert (whole["model"], isinstance(whole["created"], int)) == (model, True) and whole["id"]
        assert whole["choices"][0]["finish_reason"]
    assert seen.story["status"] == "answered"
    states = [attempt["status"] for attempt in seen.story["attempts"]]
    assert states[-1] == "answered" and set(states[:-1]) <= {"failed"}
    assert (len(states) > 1) == (expect.by == "fallback" or expect.calls[0] > 1)
    assert seen.story["usage"]["completion_tokens"] > 0


def _judge_cut(seen: Seen) -> None:
    events = seen.events
    assert seen.status == 200 and "[DONE]" not in events, events[-3:]
    assert seen.error["code"] == "upstream_interrupted"
    said = text_of(events)
    assert said and PRIMARY_TEXT.startswith(said) and said != FALLBACK_TEXT
    story = seen.story
    assert story["status"] == "interrupted" and story["usage"]["completion_tokens"] > 0
    assert len(story["attempts"]) == 1 and story["attempts"][0]["committed"]
