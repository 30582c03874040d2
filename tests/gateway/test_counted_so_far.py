"""What an upstream counted before its answer broke off, or its client left, is what it bills, and what is recorded."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from providers.sandbox.steps import Step
from providers.sandbox.testing import Sandbox, fault

from .conftest import provider
from .gateway import Watched

EVENTS = {"content-type": "text/event-stream"}


@pytest.fixture(scope="module")
def up(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    with ExitStack() as stack:
        wires = {name: stack.enter_context(Sandbox.start(name)) for name in ("gemini", "anthropic")}
        gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("counted"))
        gateway.apply(
            {
                "providers": [provider(name, each, model=f"{name}-demo", retries=0) for name, each in wires.items()],
                "tenants": [{"name": "team", "keys": [{"name": "ci"}]}],
            }
        )
        yield SimpleNamespace(gateway=gateway.start(), **wires)
        gateway.stop()


def gemini_event(text: str, **counts: int) -> bytes:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    return b"data: " + json.dumps({"candidates": [candidate], "usageMetadata": counts}).encode() + b"\r\n\r\n"


def test_thoughts_that_nobody_was_shown_are_billed_where_the_answer_breaks_off(up):
    begun = gemini_event("Hello", promptTokenCount=100, candidatesTokenCount=1, thoughtsTokenCount=4000)
    later = gemini_event(" wor", promptTokenCount=100, candidatesTokenCount=2, thoughtsTokenCount=5000)
    last = gemini_event("ld", promptTokenCount=100, candidatesTokenCount=3, thoughtsTokenCount=5000)
    up.gemini.script(Step(raw=begun + later + last, headers=EVENTS))
    answer, _ = up.gateway.events(model="gemini-demo", max_tokens=8000)
    usage = up.gateway.story(answer.headers["x-request-id"])["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["estimated"]) == (100, 5003, True)
    assert usage["reasoning_tokens"] == 5000


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_came_out_malformed_is_billed_as_google_counts_it(up, stream):
    candidate = {"content": {"role": "model"}, "finishReason": "MALFORMED_FUNCTION_CALL", "index": 0}
    counts = {"promptTokenCount": 100, "thoughtsTokenCount": 3000, "totalTokenCount": 3100}
    said = json.dumps({"candidates": [candidate], "usageMetadata": counts}).encode()
    up.gemini.script(Step(raw=b"data: " + said + b"\r\n\r\n", headers=EVENTS) if stream else Step(raw=said))
    answer = up.gateway.chat(model="gemini-demo", max_tokens=8000, stream=stream)
    assert answer.status_code == 502, answer.text
    (attempt,) = up.gateway.story(answer.headers["x-request-id"])["attempts"]
    assert float(attempt["cost_usd"]) == 0.0061, "100 tokens of prompt, 3,000 of thoughts"


def test_a_prompt_that_was_counted_is_billed_where_the_client_leaves_before_the_first_word(up):
    up.anthropic.script(fault("stall_mid", text="word " * 40, after=0, usage={"prompt": 5000, "completion": 40}))
    body = {"model": "anthropic-demo", "stream": True, "messages": [{"role": "user", "content": "Long"}]}
    headers = up.gateway.headers
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{up.gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=1)
    assert up.anthropic.calls(ended=True, chats=True)[-1].left_early
    assert last_record(up.gateway) == ("cancelled", 5000, 0, True)


def last_record(gateway: Watched) -> tuple[Any, ...]:
    """Status, tokens of prompt and answer, and whether they are estimated, of who left without knowing its id."""
    for _ in range(20):
        gateway.ship()
        with sqlite3.connect(gateway.var / "neuroroute.sqlite3") as database:
            sql = "SELECT status, prompt_tokens, completion_tokens, estimated FROM usage_requestrecord ORDER BY id DESC"
            row = database.execute(sql).fetchone()
        if row is not None and row[0] == "cancelled":
            return tuple(row)
        time.sleep(0.2)
    raise AssertionError(row)
