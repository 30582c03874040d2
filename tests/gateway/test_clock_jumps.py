"""The wall clock of a real gateway is set while it runs: an hour ahead, back, and five seconds back over a midnight."""

import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from providers.sandbox.steps import Step
from providers.sandbox.testing import Sandbox, fault, rate_limited
from routing.resilience.throttle import probability
from tenants.limits import DAY_S
from tests.clocks import WallClock, why_not
from tests.run.installation import wait_until

from .conftest import two_providers
from .gateway import Gateway

HOUR_S = 3600
USAGE = {"prompt": 1000, "completion": 100}
NANO_USD = 1000 * 1000 + 100 * 2000  # what one request costs
ANSWER = Step(text="Hello there", usage=USAGE)


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[WallClock]:
    if reason := why_not():
        pytest.skip(reason)
    directory = tmp_path / "clock"
    directory.mkdir()
    clock = WallClock(directory)
    yield clock
    clock.close()


@pytest.fixture
def midnight(clock: WallClock) -> int:
    """Half an hour before it, by the gateway's clock, in the middle of a minute."""
    midnight = (int(time.time()) // DAY_S + 2) * DAY_S
    clock.set(midnight - time.time() - HOUR_S / 2 + 20)
    return midnight


def windows(gateway: Gateway) -> dict[int, tuple[int, int]]:
    """What is spent and leased, by the beginning of each window."""
    with sqlite3.connect(gateway.var / "neuroroute.sqlite3") as database:
        rows = database.execute("SELECT start, spent, leased FROM tenants_budgetwindow").fetchall()
    return {start: (spent, leased) for start, spent, leased in rows}


def recorded(gateway: Gateway) -> dict[int, int]:
    """The cost of the records, by the day in their ids."""
    with sqlite3.connect(gateway.var / "neuroroute.sqlite3") as database:
        rows = database.execute("SELECT id, cost_nano_usd FROM usage_requestrecord").fetchall()
    days: Counter[int] = Counter()
    for number, cost in rows:
        days[int(str(number).replace("-", "")[:12], 16) // 1000 // DAY_S * DAY_S] += cost or 0
    return dict(days)


def asked_until_refused(gateway: Gateway) -> int:
    """How many requests a budget or limit lets through."""
    for count in range(20):
        if (code := gateway.chat("Hello", max_tokens=100).status_code) != 200:
            assert code in (402, 429), code
            return count
    raise AssertionError("nothing was refused")


def test_a_budget_is_given_once_and_agrees_with_the_records(make_gateway, clock, midnight, primary, fallback):
    primary.script(ANSWER, lasting=True)
    budgets = [{"usd": 4.5 * NANO_USD / 1e9, "period": "day"}]
    gateway = make_gateway(two_providers(primary, fallback, budgets=budgets), **clock.environment)
    counts = [asked_until_refused(gateway)]
    for step_s in (HOUR_S, -HOUR_S, HOUR_S / 2 - 18, -5, 10):  # next day, back, just after midnight, before, after
        clock.step(step_s)
        counts.append(asked_until_refused(gateway))
    assert counts[0] == counts[1] > 1 and counts[2:] == [0] * 4, counts
    gateway.stop()
    gateway.ship()
    spent = counts[0] * NANO_USD
    assert windows(gateway) == {midnight - DAY_S: (spent, 0), midnight: (spent, 0)}
    assert {day: cost for day, cost in recorded(gateway).items() if cost} == {midnight - DAY_S: spent, midnight: spent}


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_request_is_paid_for_by_the_day_it_began_in(make_gateway, clock, midnight, primary, fallback, step_s):
    """Its first attempt hangs while the clock is set over midnight, so that the second begins in the other day."""
    primary.script(fault("hang"), lasting=True)
    fallback.script(ANSWER, lasting=True)
    budgets = [{"usd": 1, "period": "day"}]
    gateway = make_gateway(two_providers(primary, fallback, budgets=budgets), **clock.environment)
    if step_s < 0:
        clock.step(HOUR_S)
    began = midnight if step_s < 0 else midnight - DAY_S
    setting = threading.Timer(1, clock.step, [step_s])
    setting.start()
    answer = gateway.chat("Hello", max_tokens=100)
    setting.join()
    assert (answer.status_code, answer.headers["x-neuroroute-provider"]) == (200, "fallback")
    gateway.stop()
    gateway.ship()
    assert {start: spent for start, (spent, _) in windows(gateway).items() if spent} == {began: NANO_USD}
    assert {day: cost for day, cost in recorded(gateway).items() if cost} == {began: NANO_USD}


def test_a_minute_is_given_once(make_gateway, clock, midnight, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback, limits={"requests_per_minute": 4}), **clock.environment)
    counts = [asked_until_refused(gateway)]
    for step_s in (HOUR_S, -HOUR_S, HOUR_S, -HOUR_S):
        clock.step(step_s)
        counts.append(asked_until_refused(gateway))
    assert counts == [4, 4, 0, 0, 0]
    clock.set(midnight - time.time() + 2)
    assert asked_until_refused(gateway) == 4
    clock.step(-5)
    assert asked_until_refused(gateway) == 0


def test_who_asked_to_be_left_alone_is_and_an_answer_is_given_again(make_gateway, clock, midnight, primary, fallback):
    primary.script(rate_limited(retry_after=100), lasting=True)
    gateway = make_gateway(two_providers(primary, fallback), **clock.environment)
    headers = gateway.headers | {"idempotency-key": "one"}
    asked = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
    bodies = set()
    for step_s in (0, HOUR_S, 24 * HOUR_S, -25 * HOUR_S, -5):
        clock.step(step_s)
        bodies.add(post(gateway, asked, headers))
        assert gateway.chat("Hello").headers["x-neuroroute-provider"] == "fallback"
    assert len(bodies) == 1 and len(primary.calls(chats=True)) == 1


def test_a_provider_that_refuses_many_is_spared_no_less_and_no_longer(make_gateway, clock, midnight, primary, fallback):
    """Four of five fail, too few in a row and in all to open its breaker: what is kept back, the throttle keeps."""
    primary.script(*(*[fault("503")] * 4, ANSWER) * 4)
    gateway = make_gateway(two_providers(primary, fallback), **clock.environment)
    for calls, step_s in ((14, 0), (15, HOUR_S), (16, -HOUR_S), (17, -5)):
        clock.step(step_s)
        ask_until_called(gateway, primary, calls)
        share = round(probability(calls, accepts=calls // 5), 3)
        assert share > 0.5 and wait_until(lambda share=share: kept_back(gateway) == share, 20), kept_back(gateway)


def ask_until_called(gateway: Gateway, primary: Sandbox, calls: int) -> None:
    """Ask until it has had so many calls: each request is one, but for those that are kept back."""
    for _ in range(100):
        if len(primary.calls(chats=True)) == calls:
            return
        assert gateway.chat("Hello").status_code == 200
    raise AssertionError("the provider is not asked any more")


def kept_back(gateway: Gateway) -> float:
    """The share of the primary's calls, as the gateway tells it."""
    metrics = httpx.get(f"{gateway.url}/metrics", timeout=30).text
    told = re.search(r'^llm_throttled_share{[^}]*provider="primary"[^}]*} (\S+)', metrics, re.MULTILINE)
    return float(told[1]) if told else 0.0


def post(gateway: Gateway, body: dict, headers: dict[str, str]) -> str:
    """One whole chat under these headers: its id, which a repeated answer keeps."""
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])
