"""A worker that is told to end: what runs may finish, what does not finish is told so, and every story is recorded."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import httpx
import pytest

from providers.sandbox.testing import fault

from .conftest import two_providers
from .gateway import parse_events
from .served import Served

STALL = fault("stall_mid", text="word " * 40)


@pytest.fixture(scope="module")
def configured(migrated, tmp_path_factory, primary_process, fallback_process):
    gateway = Served.made_from(migrated, tmp_path_factory.mktemp("configured"))
    gateway.apply(two_providers(primary_process, fallback_process))
    return gateway


@pytest.fixture
def served(configured, tmp_path, primary, fallback):
    gateway = Served.made_from(configured.var, tmp_path / "served")
    gateway.keys, gateway.grace_s = configured.keys, 0.5
    yield gateway.start()
    gateway.stop()


def in_background(pool: ThreadPoolExecutor, gateway: Served, sandbox, **fields) -> Future[httpx.Response]:
    """Ask, and return when the upstream has been asked."""
    answer = pool.submit(gateway.chat, "Hello", "primary/demo", **fields)
    deadline = time.monotonic() + 10
    while not sandbox.calls(chats=True) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


def told(gateway: Served, request_id: str) -> dict:
    """The request's story, as the next worker tells it."""
    gateway.ship()
    return gateway.start().story(request_id)


def test_a_stream_that_does_not_finish_in_time_ends_with_an_error_event(served, primary):
    primary.script(STALL)
    with ThreadPoolExecutor() as pool:
        asked = in_background(pool, served, primary, stream=True)
        time.sleep(0.3)
        assert served.end() == 0
    events = list(parse_events(asked.result().text.splitlines()))
    assert events[-1]["error"]["code"] == "gateway_stopping" and "[DONE]" not in events
    call = primary.calls(ended=True, chats=True)[-1]
    assert call.left_early
    story = told(served, asked.result().headers["x-request-id"])
    assert (story["status"], story["error"]["code"]) == ("failed", "gateway_stopping")
    assert story["usage"]["completion_tokens"] > 0


def test_a_whole_answer_that_does_not_come_in_time_is_refused_and_may_be_asked_again(served, primary):
    primary.script(fault("hang"))
    with ThreadPoolExecutor() as pool:
        asked = in_background(pool, served, primary)
        assert served.end() == 0
    answer = asked.result()
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "gateway_stopping"
    assert answer.headers["retry-after"] == "1" and answer.headers["x-should-retry"] == "true"
    assert told(served, answer.headers["x-request-id"])["error"]["code"] == "gateway_stopping"


def test_a_request_on_an_idle_connection_is_answered_while_the_worker_ends(served, primary):
    ending = threading.Thread(target=served.end)
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        connection.request("GET", "/health")
        assert connection.getresponse().read() and connection.sock is not None
        ending.start()
        wait_until_the_door_is_closed(served)
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.headers["connection"] == "close"
    ending.join(20)
    assert not ending.is_alive()


def wait_until_the_door_is_closed(gateway: Served) -> None:
    deadline = time.monotonic() + 10
    while gateway.answers() and time.monotonic() < deadline:
        time.sleep(0.01)
