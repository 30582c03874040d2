"""Rows 39 and 40: one of two workers is killed while it answers, or stands still for five seconds."""

import re
import signal
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest
from msgspec import Struct

from providers.sandbox import nowhere
from providers.sandbox.testing import Received, Sandbox, Step, fault
from tests.faults.conftest import Crew
from tests.faults.expecting import FALLBACK_TEXT, PRIMARY_TEXT
from tests.faults.matrix import WAYS, cells, provider, way_id
from tests.gateway.gateway import parse_events, text_of

FIRST, SECOND = 0, 1
CALLERS = 5  # per cell and kind: so many failures in a row would open a breaker
STALL_S = 5.0
PAUSE_S = 3.0  # of the upstream; it ends within the stall, and every limit does
LIMITS = {"connect": 3, "first_byte": 4, "first_token": 4, "stall": 4, "total": 4.5}
STALLED = {
    "before_the_head": fault("slow_headers", text=PRIMARY_TEXT, seconds=PAUSE_S),
    "midway": fault("stall_mid", text=PRIMARY_TEXT, seconds=PAUSE_S),
    "connecting": Step(text=PRIMARY_TEXT),
}
KILLED = "killed"
BUDGET_USD = 100  # more than all of them may cost at once


def model_of(case: str, stream: bool, spare: bool) -> str:
    return f"{case}-{way_id(stream, spare)}"


@pytest.fixture(scope="module")
def crew(migrated, services, tmp_path_factory, primary, fallback):
    """`services` skips where there is no Redis, which several workers need."""
    env = {"REDIS_URL": services.redis_url, "REDIS_PREFIX": f"{services.redis_prefix}crew", "WEB_WORKERS": "2"}
    crew = Crew.made_from(migrated, tmp_path_factory.mktemp("crew"), env)
    models = [model_of(case, *way) for case in (KILLED, "well", *STALLED) for way in WAYS]
    late = f"http://{nowhere.LATE}:{primary.base_url.rpartition(':')[2]}"
    own = [
        provider(f"p-{model}", late if "connecting" in model else primary.base_url, model, timeouts=LIMITS)
        for model in models
    ]
    spare = provider("fallback", fallback.base_url, *(model for model in models if model.endswith("fallback")))
    order = [f"p-{model}/{model}" for model in models]
    policy = {"name": "primary-first", "kind": "ordered", "order": order}
    budgets = [{"usd": BUDGET_USD, "period": "total"}]
    tenant = {"name": "team", "keys": [{"name": "ci"}], "default_policy": "primary-first", "budgets": budgets}
    crew.apply({"providers": [*own, spare], "policies": [policy], "tenants": [tenant]})
    fallback.script(FALLBACK_TEXT, lasting=True)
    yield crew.start()
    for worker in (FIRST, SECOND):
        with suppress(ProcessLookupError):
            crew.tell(signal.SIGCONT, worker)
    crew.stop()
    assert not crew.complaints()


def said(answer: httpx.Response, stream: bool) -> str:
    assert answer.status_code == 200, answer.text
    if stream:
        assert answer.text.rstrip().endswith("data: [DONE]"), answer.text[-300:]
        return text_of(parse_events(answer.text.splitlines()))
    return str(answer.json()["choices"][0]["message"]["content"])


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def chats(sandbox: Sandbox, case: str) -> list[Received]:
    return [call for call in sandbox.calls(chats=True) if call.body["model"].startswith(case)]


# ----------------------------------------------------------------- row 40


class Stalled(Struct):
    """What came of a stall: answers by case and way, their stories, the other worker's answers meanwhile, health."""

    answers: dict[tuple[str, bool, bool], list[httpx.Response]]
    stories: dict[str, dict[str, Any]]
    meanwhile: list[httpx.Response]
    breakers: set[str]
    lag_s: float


@pytest.fixture(scope="module")
def stalled(crew, primary) -> Stalled:
    """The first worker waits for all cells of row 40 and stands still until every limit of theirs is over."""
    for case, step in STALLED.items():
        for way in WAYS:
            primary.script(step, model=model_of(case, *way), lasting=True)
    with ThreadPoolExecutor(len(STALLED) * len(WAYS) * CALLERS) as pool:
        crew.tell(signal.SIGSTOP, SECOND)
        asked: dict[tuple[str, bool, bool], list[Future[httpx.Response]]] = {}
        for case in ("before_the_head", "midway", "connecting"):  # the last may not be connected before the stall
            for way in WAYS:
                ask = (crew.chat, "Hello", model_of(case, *way))
                asked[case, *way] = [pool.submit(*ask, stream=way[0]) for _ in range(CALLERS)]
        expected = len(WAYS) * CALLERS
        wait_for(lambda: len(chats(primary, "before")) + len(chats(primary, "midway")) == 2 * expected)
        crew.tell(signal.SIGCONT, SECOND)
        crew.tell(signal.SIGSTOP, FIRST)
        resumed_at = time.monotonic() + STALL_S
        meanwhile = [crew.chat("Hello", model_of("well", stream, True), stream=stream) for stream in (False, True)]
        time.sleep(max(resumed_at - time.monotonic(), 0))
        crew.tell(signal.SIGCONT, FIRST)
        answers = {cell: [each.result() for each in futures] for cell, futures in asked.items()}
    ids = [answer.headers["x-request-id"] for each in answers.values() for answer in each]
    return Stalled(answers, {each: crew.story(each) for each in ids}, meanwhile, breakers(crew), lag_s(crew))


def breakers(crew: Crew) -> set[str]:
    """How the breakers stand, whichever worker is asked."""
    found = set()
    for _ in range(8):
        listed = httpx.get(f"{crew.url}/v1/health/providers", headers=crew.headers, timeout=30).json()["data"]
        found |= {row["breaker"] for each in listed for row in each["deployments"]}
    return found


def lag_s(crew: Crew) -> float:
    counted = httpx.get(f"{crew.url}/metrics", timeout=30).text
    (stalls,) = re.findall(r"^llm_event_loop_stalls_total ([\d.]+)$", counted, re.M)
    (lag,) = re.findall(r"^llm_event_loop_lag_seconds_sum ([\d.e+-]+)$", counted, re.M)
    assert float(stalls) >= 1
    return float(lag)


@pytest.mark.parametrize("case", STALLED)
@cells(40, "own_stall")
def test_nobody_s_answer_is_lost_by_a_stall_of_our_own(stalled, primary, fallback, stream, spare, case):
    answers = stalled.answers[case, stream, spare]
    assert [said(answer, stream) for answer in answers] == [PRIMARY_TEXT] * CALLERS
    for answer in answers:
        story = stalled.stories[answer.headers["x-request-id"]]
        assert [attempt["status"] for attempt in story["attempts"]] == ["answered"]
    assert len(chats(primary, model_of(case, stream, spare))) == CALLERS
    assert chats(fallback, case) == []


def test_a_stall_is_measured_opens_no_breaker_and_leaves_the_other_worker_alone(stalled):
    assert [said(answer, "event-stream" in answer.headers["content-type"]) for answer in stalled.meanwhile]
    assert stalled.breakers == {"closed"}
    assert stalled.lag_s > STALL_S - 0.5


# ----------------------------------------------------------------- row 39


class Killed(Struct):
    """What came of a kill: errors of who asked the killed worker, answers of the other, then and afterwards."""

    lost: dict[tuple[bool, bool], Exception | httpx.Response]
    kept: dict[tuple[bool, bool], httpx.Response]
    later: dict[tuple[bool, bool], httpx.Response]
    calls: list[Received]
    spent_nano: int
    leased_nano: int
    records: list[tuple[str, str, int, int]]


@pytest.fixture(scope="module")
def killed(stalled, crew, primary) -> Killed:
    """Each worker is in the middle of an answer to every cell when the first is killed."""
    for way in WAYS:
        step = fault("stall_mid", text=PRIMARY_TEXT, seconds=PAUSE_S)
        primary.script(step, step, PRIMARY_TEXT, model=model_of(KILLED, *way))
    with ThreadPoolExecutor(2 * len(WAYS)) as pool:
        asked = []
        for worker, other in ((FIRST, SECOND), (SECOND, FIRST)):
            crew.tell(signal.SIGCONT, worker)
            crew.tell(signal.SIGSTOP, other)
            asked.append({way: pool.submit(crew.chat, "Hello", model_of(KILLED, *way), stream=way[0]) for way in WAYS})
            wait_for(lambda: sum(call.chunks > 0 for call in chats(primary, KILLED)) == len(asked) * len(WAYS))
        crew.tell(signal.SIGKILL, FIRST)
        lost = {way: each.exception() or each.result() for way, each in asked[0].items()}
        kept = {way: each.result() for way, each in asked[1].items()}
    later = {way: crew.chat("Hello", model_of(KILLED, *way), stream=way[0]) for way in WAYS}
    primary.calls(ended=True)
    crew.stop()  # a worker that ends gives back what it has in hand
    crew.ship()
    return Killed(lost, kept, later, chats(primary, KILLED), *window(crew), records(crew))


def window(crew: Crew) -> tuple[int, int]:
    """What is spent of the budget and what workers still hold of it, in billionths of a dollar."""
    with sqlite3.connect(crew.var / "neuroroute.sqlite3") as database:
        (found,) = database.execute("SELECT spent, leased FROM tenants_budgetwindow").fetchall()
        return int(found[0]), int(found[1])


def records(crew: Crew) -> list[tuple[str, str, int, int]]:
    """Model that was asked for, error, attempts and cost of each request that is recorded."""
    with sqlite3.connect(crew.var / "neuroroute.sqlite3") as database:
        columns = "asked_model, coalesce(error, ''), attempts_count, cost_nano_usd"
        return database.execute(f"SELECT {columns} FROM usage_requestrecord").fetchall()


@cells(39, "sigkill")
def test_the_other_worker_goes_on_and_the_killed_one_s_requests_are_closed(killed, stream, spare):
    way, model = (stream, spare), model_of(KILLED, stream, spare)
    assert isinstance(killed.lost[way], httpx.TransportError)
    assert said(killed.kept[way], stream) == said(killed.later[way], stream) == PRIMARY_TEXT
    calls = [call for call in killed.calls if call.body["model"] == model]
    assert [call.left_early for call in calls] == [True, False, False]
    found = [record[1:3] for record in killed.records if record[0] == model]
    assert sorted(found) == [("", 1), ("", 1), ("WorkerDied", 1)]


def test_what_was_set_aside_by_a_killed_worker_is_settled(killed):
    assert killed.leased_nano == 0
    assert killed.spent_nano == sum(nano for *_, nano in killed.records) > 0
