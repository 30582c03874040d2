"""kill -9 of the web worker under load: every completed answer has exactly one record after the restart."""

import signal
import sqlite3
import threading
import time

import httpx

from .conftest import two_providers
from .gateway import Gateway


def test_every_completed_answer_has_exactly_one_record(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback))
    completed: list[str] = []
    threads = [threading.Thread(target=keep_asking, args=(gateway, completed, n % 2 == 0)) for n in range(6)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(completed) < 60 and time.monotonic() < deadline:
        time.sleep(0.05)
    gateway.stop(signal.SIGKILL)
    for thread in threads:
        thread.join(20)
    assert len(completed) >= 60

    gateway.start()
    after = gateway.chat("Still there?")
    assert after.status_code == 200
    gateway.ship()
    gateway.ship()  # a second look must not count anything twice
    records = recorded_ids(gateway)
    assert len(records) == len(set(records))
    missing = {answer.removeprefix("req_") for answer in completed} - set(records)
    assert not missing, f"{len(missing)} of {len(completed)} completed answers have no record"
    assert rolled_up(gateway) == len(records)


def keep_asking(gateway: Gateway, completed: list[str], stream: bool) -> None:
    """Ask until the worker is gone; only answers that arrived whole count as completed."""
    while True:
        try:
            answer = gateway.chat("Hello", stream=stream, timeout=20)
        except httpx.TransportError:
            return
        if answer.status_code == 200 and (not stream or answer.text.endswith("data: [DONE]\n\n")):
            completed.append(answer.headers["x-request-id"])


def recorded_ids(gateway: Gateway) -> list[str]:
    with sqlite3.connect(gateway.var / "neuroroute.sqlite3") as database:
        return [str(row[0]).replace("-", "") for row in database.execute("SELECT id FROM usage_requestrecord")]


def rolled_up(gateway: Gateway) -> int:
    """What the finest rollup says in all."""
    with sqlite3.connect(gateway.var / "neuroroute.sqlite3") as database:
        grain = "SELECT min(grain) FROM usage_requestrollup"
        each_key = f"tenant_id > 0 AND key_id > 0 AND grain = ({grain})"
        fine, coarse = (
            int(database.execute(f"SELECT sum(requests) FROM {table} WHERE {each_key}").fetchone()[0])
            for table in ("usage_requestrollup", "usage_keyrollup")
        )
        assert fine == coarse
        return fine
