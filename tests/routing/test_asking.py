"""How long are workers waited for that are asked what they answer? Over a real Redis, with a worker of our own."""

import threading
import time
from contextlib import closing

import msgspec
import pytest
import redis

from routing.inflight import asking
from routing.inflight.hearing import channel
from routing.inflight.telling import InFlight, Question, Told
from tests.ownredis import own_redis

ID = "01a22da0000000000000000000000001"
ROW = InFlight(ID, 1, "streaming", 1, "team", "nr-abc", "chat", True, "demo", None, "a/demo", "a", 1, 7, True)


class Busy:
    """A worker that answers each question some seconds after it came."""

    def __init__(self, url: str, prefix: str, late_s: float) -> None:
        self._client, self._late_s = redis.Redis.from_url(url), late_s
        self._heard = self._client.pubsub(ignore_subscribe_messages=True)
        self._heard.subscribe(channel(prefix))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._over = threading.Event()
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            message = self._heard.get_message(timeout=0.05)
            if message:
                question = msgspec.json.decode(message["data"], type=Question)
                time.sleep(self._late_s)
                self._client.rpush(question.answer_to, msgspec.json.encode(Told([ROW], 1)))

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._heard.close()
        self._client.close()


@pytest.fixture
def worker(settings):
    with own_redis() as server:
        server.start()
        settings.REDIS_URL, settings.REDIS_PREFIX = server.url, "busy"
        asking._client.cache_clear()
        with closing(Busy(server.url, "busy", 2 * asking.PATIENCE_S)) as busy:
            yield busy
        asking._client().close()
        asking._client.cache_clear()


def test_a_list_leaves_out_who_is_too_busy_and_says_so(worker):
    found = asking.live(None)
    assert (found.rows, found.answered, found.asked, found.whole) == ((), 0, 1, False)


def test_one_request_is_found_and_ended_in_a_busy_worker_too(worker):
    assert asking.find(ID, None) == ROW
    assert asking.cancel(ID, None) == ROW


def test_where_the_loop_of_this_process_stands_still_nobody_has_told(monkeypatch):
    class Loop:
        def is_running(self) -> bool:
            return True

        def call_soon_threadsafe(self, call: object) -> None:
            """Never."""

    monkeypatch.setattr(asking.runtime(), "loop", Loop())
    monkeypatch.setattr(asking, "PATIENCE_S", 0.01)
    found = asking.live(None)
    assert (found.answered, found.asked, found.whole) == (0, 1, False)
