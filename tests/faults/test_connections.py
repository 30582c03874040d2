"""Row 16 and row 34: what one answer leaves on its connection is no business of the next."""

import time

import httpx
import pytest

from providers.sandbox.testing import Sandbox, Step, fault
from tests.faults.conftest import Faulty
from tests.faults.expecting import FALLBACK_TEXT, PRIMARY_TEXT
from tests.faults.matrix import cells, provider
from tests.gateway.gateway import parse_events, text_of


@pytest.fixture(scope="module")
def lonely():
    """An upstream of its own: its connections carry nobody else's calls."""
    with Sandbox.start("openai") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def gateway(migrated, tmp_path_factory, lonely, fallback):
    gateway = Faulty.made_from(migrated, tmp_path_factory.mktemp("connections"))
    providers = [provider("primary", lonely.base_url, "alone", "both"), provider("fallback", fallback.base_url, "both")]
    policy = {"name": "primary-first", "kind": "ordered", "order": ["primary/alone", "primary/both", "fallback/both"]}
    tenant = {"name": "team", "keys": [{"name": "ci"}], "default_policy": "primary-first"}
    gateway.apply({"providers": providers, "policies": [policy], "tenants": [tenant]})
    yield gateway.start()
    gateway.stop()


@pytest.fixture(autouse=True)
def forgotten(lonely, fallback):
    lonely.reset()
    fallback.script(FALLBACK_TEXT, model="both", lasting=True)


def said(answer: httpx.Response, stream: bool) -> str:
    assert answer.status_code == 200, answer.text
    if stream:
        assert answer.text.rstrip().endswith("data: [DONE]")
        return text_of(parse_events(answer.text.splitlines()))
    return answer.json()["choices"][0]["message"]["content"]


@cells(34, "reset_reused")
def test_a_reused_connection_that_is_dead_is_replaced_in_silence(gateway, lonely, stream, spare):
    model = "both" if spare else "alone"
    lonely.script(PRIMARY_TEXT, fault("reset_reused", text=PRIMARY_TEXT), fault("reset_reused", text=PRIMARY_TEXT))
    assert said(gateway.chat("Hello", model), False) == PRIMARY_TEXT
    answer = gateway.chat("Hello", model, stream=stream)
    assert said(answer, stream) == PRIMARY_TEXT
    calls = lonely.calls(ended=True, chats=True)
    assert [(call.fault, call.status) for call in calls[1:]] == [("reset_reused", None), ("reset_reused", 200)]
    assert [(call.served_before > 0, call.dropped) for call in calls[1:]] == [(True, True), (False, False)]
    story = gateway.story(answer.headers["x-request-id"])
    assert [attempt["status"] for attempt in story["attempts"]] == ["answered"]


@cells(34, "dead_twice")
def test_a_connection_is_replaced_once(gateway, lonely, stream, spare):
    model = "both" if spare else "alone"
    lonely.script(PRIMARY_TEXT, fault("reset_reused"), fault("reset"))
    assert said(gateway.chat("Hello", model), False) == PRIMARY_TEXT
    answer = gateway.chat("Hello", model, stream=stream)
    if spare:
        assert said(answer, stream) == FALLBACK_TEXT
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert len(lonely.calls(ended=True, chats=True)) == 3


@cells(16, "answer_twice")
def test_an_answer_that_nobody_asked_for_reaches_nobody(gateway, lonely, stream, spare):
    model = "both" if spare else "alone"
    lonely.script(*[fault("answer_twice", text=PRIMARY_TEXT), Step(text=PRIMARY_TEXT)] * 3)
    for _ in range(6):
        assert said(gateway.chat("Hello", model, stream=stream), stream) == PRIMARY_TEXT
        time.sleep(0.1)  # until then the bytes behind the answer are there, on a connection that rests
    assert len(lonely.calls(ended=True, chats=True)) == 6


@cells(16, "late_rest")
def test_the_late_rest_of_one_answer_spoils_no_other(gateway, lonely, stream, spare):
    model = "both" if spare else "alone"
    slow = fault("slow_headers", text=PRIMARY_TEXT, seconds=0.3)  # meanwhile the rest comes, in front of this answer
    lonely.script(fault("length_short", text=PRIMARY_TEXT), slow, slow)
    gateway.chat("Hello", model)
    assert said(gateway.chat("Hello", model, stream=stream), stream) == PRIMARY_TEXT
    assert len(lonely.calls(chats=True)) > 1
