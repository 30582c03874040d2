#!/usr/bin/env python3
"""Do jumps of the wall clock change a balance? Two workers under load while the clock of every process of the
installation, PostgreSQL's and Redis' too, goes an hour ahead, an hour back and five seconds back over a midnight.

    bench/clockjumps.py [--rate 12] [--seconds 12]

It begins just before the midnight that ends a day, a week and a month of the tenant's time zone. Four kinds of load:
`paid` (three hard budgets), `limited` (requests per minute), `repeated` (each Idempotency-Key again and again) and
`failing` (an upstream that always answers 429 with Retry-After, another that answers 503). Afterwards the books of all
sides are compared. The clock is tests/wallclock.c; the clients, the sandboxes and time.monotonic() keep the real one.
"""

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiohttp
import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.production import production  # noqa: E402
from bench.services import Postgres, services  # noqa: E402
from providers.sandbox.steps import Step  # noqa: E402
from providers.sandbox.testing import Sandbox, fault, rate_limited  # noqa: E402
from routing.resilience.breaker import FIRST_COOLDOWN_S, JITTER  # noqa: E402
from tenants.periods import Period, span_of  # noqa: E402
from tests.clocks import WallClock, why_not  # noqa: E402
from tests.run.installation import wait_until  # noqa: E402

ZONE: Final = "Europe/Berlin"
PRICE: Final = {"input": 1, "output": 2}
USAGE: Final = {"prompt": 900, "completion": 100}
COST_NANO_USD: Final = 900 * 1000 + 100 * 2000
PER_MINUTE: Final = 40
RETRY_AFTER_S: Final = 25
HOUR_S: Final = 3600.0
WORKERS: Final = 2
TOLERANCE_S: Final = 0.3
STEPS: Final = (("+1 h", HOUR_S), ("-1 h", -HOUR_S), ("-5 s", -5.0))  # the last one just after midnight
PAST_S: Final = 2.0
PAID_FOR: Final = {"day": 90, "week": 300, "month": 1000}  # requests that a window covers


@dataclass
class Load:
    """What clients heard: `said` by kind, the tokens of whole answers, and the answers to each repeated key."""

    url: str
    keys: dict[str, str]
    said: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    whole: set[str] = field(default_factory=set)
    repeated: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def is_known(self, kind: str) -> bool:
        """Whether the worker that answers knows the key."""
        headers = {"authorization": f"Bearer {self.keys[kind]}"}
        return httpx.get(f"{self.url}/v1/usage", headers=headers, timeout=30).status_code == 200

    async def run(self, rate: float, seconds: float, repeating: str) -> None:
        """All kinds at this rate; `repeating` is a key that every request with one brings during this part."""
        async with aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=60)) as http:
            due, tasks = time.monotonic(), []
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(due + number / rate - time.monotonic(), 0))
                asks = [("paid", "demo", ""), ("limited", "demo", ""), ("failing", "failing", "")]
                asks += [("repeated", "demo", repeating)] * (number % 4 == 0)
                tasks += [asyncio.create_task(self.ask(http, *one, stream=number % 2 == 0)) for one in asks]
            await asyncio.gather(*tasks)

    async def ask(self, http: aiohttp.ClientSession, kind: str, model: str, repeating: str, stream: bool) -> None:
        token = repeating or uuid.uuid4().hex
        body = {"model": model, "stream": stream and not repeating, "max_tokens": 100}
        body |= {
            "messages": [{"role": "user", "content": "Hi"}],
            "neuroroute": {"session_id": token, "policy": "cheap"},
        }
        headers = {"authorization": f"Bearer {self.keys[kind]}"} | ({"idempotency-key": token} if repeating else {})
        async with http.post("/v1/chat/completions", json=body, headers=headers) as answer:
            text = await answer.text()
        self.said[kind][answer.status] += 1
        if answer.status == 200:
            self.whole.add(token)
            if repeating:
                self.repeated[token].add(text)


def configuration(sandbox: Sandbox, limiting: Sandbox, broken: Sandbox) -> dict[str, Any]:
    facts = {"context": 128_000, "max_output": 4096, "retries": 0, "quality": 0.7}
    cheap, dear = ({"input": price, "output": 2 * price} for price in (0.1, 10))
    served = {
        "sandbox": (sandbox, {"demo": PRICE, "failing": dear}),
        "limiting": (limiting, {"failing": cheap}),
        "broken": (broken, {"failing": cheap}),
    }
    providers = [
        {"name": name, "wire": "openai", "base_url": server.base_url, "credential": "sk-bench", "allow_private": True,
         "deployments": [{"model": model, "price": price, **facts} for model, price in models.items()]}
        for name, (server, models) in served.items()
    ]  # fmt: skip
    budgets = [{"usd": count * COST_NANO_USD / 1e9, "period": period} for period, count in PAID_FOR.items()]
    more: dict[str, dict[str, Any]] = {
        "paid": {"budgets": budgets, "time_zone": ZONE},
        "limited": {"limits": {"requests_per_minute": PER_MINUTE}},
        "repeated": {"budgets": [{"usd": 10, "period": "day"}], "time_zone": ZONE},
        "failing": {},
    }
    return {"providers": providers, "tenants": [{"name": n, "keys": [{"name": "k"}], **m} for n, m in more.items()]}


def great_midnight() -> datetime:
    """The next midnight that begins a day, a week and a month at once."""
    day = datetime.now(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= datetime.now(ZoneInfo(ZONE)) or day.weekday() or day.day != 1:
        day += timedelta(days=1)
    return day


async def jump(clock: WallClock, load: Load, rate: float, seconds: float, midnight: float) -> None:
    """Before, and after each step; a request that repeats is sent in two parts in a row, a step between them."""
    keys = [uuid.uuid4().hex for _ in range(len(STEPS) + 1)]
    running = asyncio.create_task(load.run(rate, seconds, keys[0]))
    for number, (name, step_s) in enumerate(STEPS):
        await asyncio.sleep(seconds)
        if step_s == STEPS[-1][1]:
            await asyncio.sleep(max(midnight + PAST_S - clock.now(), 0))
        earlier = clock.now()
        clock.step(step_s)  # while the last of the part before are being answered
        print(f"{name}: the clock went from {_shown(earlier)} to {_shown(clock.now())}", flush=True)
        again = asyncio.create_task(load.run(rate, seconds, keys[number]))
        await running
        running = again
    await running


def _shown(instant: float) -> str:
    return f"{datetime.fromtimestamp(instant, ZoneInfo(ZONE)):%d %b %H:%M:%S}"


def drained(postgres: Postgres, patience_s: float = 180.0) -> float:
    """Seconds until nothing is leased any more and no record comes; what is in hand goes back after two minutes."""
    began, last = time.monotonic(), -1
    while time.monotonic() - began < patience_s:
        ((leased, count),) = postgres.rows(
            "SELECT (SELECT coalesce(sum(leased), 0) FROM tenants_budgetwindow), "
            "(SELECT count(*) FROM usage_requestrecord)"
        )
        if not leased and count == last:
            break
        last = count
        time.sleep(1.5)
    return time.monotonic() - began


class Books:
    """What must hold, each with its figure; `wrong` says what does not."""

    def __init__(self, postgres: Postgres, load: Load, sandboxes: tuple[Sandbox, Sandbox, Sandbox]) -> None:
        self.postgres, self.load, self.wrong = postgres, load, list[str]()
        rows = postgres.rows("SELECT id, tenant, session, status, cost_nano_usd FROM usage_requestrecord")
        self.records = [(row[0].int >> 80, *row[1:]) for row in rows]
        self.demo, self.limiting, self.broken = sandboxes

    def say(self, right: bool, text: str) -> None:
        print(f"{'' if right else 'WRONG  '}{text}")
        if not right:
            self.wrong.append(text)

    def budgets(self) -> None:
        """Each window holds, to the nano-dollar, the cost of the records that began in it."""
        rows = self.postgres.rows(
            "SELECT t.name, b.period, b.limit_usd, w.start, w.spent, w.leased FROM tenants_budgetwindow w "
            "JOIN tenants_budget b ON b.id = w.budget_id JOIN tenants_tenant t ON t.id = b.tenant_id ORDER BY 1, 2, 4"
        )
        for tenant, period, limit_usd, start, spent, leased in rows:
            mine = [
                r for r in self.records if r[1] == tenant and span_of(Period(period), ZONE, r[0] / 1000).start == start
            ]
            recorded = sum(record[4] or 0 for record in mine)
            right = spent == recorded and not leased and spent <= int(limit_usd * 10**9)
            self.say(right, f"{tenant} {period} from {_shown(start)}: {spent:,} of {int(limit_usd * 10**9):,} nano-USD "
                     f"spent, {recorded:,} recorded ({len(mine)} records), {leased} reserved")  # fmt: skip

    def limits(self) -> None:
        minutes = Counter(record[0] // 60_000 for record in self.records if record[1] == "limited")
        shown = {_shown(minute * 60)[-8:-3]: count for minute, count in sorted(minutes.items())}
        # A small step back opens no window that was left: what is labelled with the minute before counts in the later.
        first, second = sorted(minutes)[0], sorted(minutes)[1]
        pair = minutes[first] + minutes[second]
        others = [count for minute, count in minutes.items() if minute not in (first, second)]
        right = pair <= 2 * PER_MINUTE and max(others, default=0) <= PER_MINUTE
        self.say(right, f"limited, {PER_MINUTE} per minute: let in {shown}")

    def repeats(self) -> None:
        runs = Counter(record[2] for record in self.records if record[1] == "repeated")
        bodies = {token: len(texts) for token, texts in self.load.repeated.items()}
        right = set(runs.values()) == {1} and set(bodies.values()) == {1}
        self.say(right, f"repeated: {len(bodies)} keys, runs {sorted(runs.values())}, different answers "
                 f"{sorted(bodies.values())}, {sum(self.load.said['repeated'].values())} requests")  # fmt: skip

    def records_once(self) -> None:
        kept = Counter(record[2] for record in self.records)
        lost = {token for token in self.load.whole if token not in kept}
        twice = [token for token, count in kept.items() if count > 1]
        said = {status for counts in self.load.said.values() for status in counts}
        self.say(said <= {200, 402, 429}, f"statuses {sorted(said)}")
        self.say(not lost and not twice, f"{len(self.records)} records: lost {len(lost)}, twice {len(twice)}")

    def rests(self) -> None:
        """Nobody is asked again before the rest is over that it asked for, or that its breaker gave it."""
        for name, server, least_s in (
            ("Retry-After", self.limiting, RETRY_AFTER_S),
            ("cooldown", self.broken, FIRST_COOLDOWN_S * (1 - JITTER)),
        ):
            started = sorted(call.started_at for call in server.calls(chats=True))
            gaps = [after - before for before, after in pairwise(started)]
            rests = [number for number, gap in enumerate(gaps) if gap >= least_s - TOLERANCE_S]
            first = rests[0] if rests else len(gaps)  # what was on its way when the first refusal came is no sin
            early = sum(gap < least_s - TOLERANCE_S for gap in gaps[first:])
            spared = len(rests) * (WORKERS - 1)  # each worker may ask when a rest is over, before it hears of the other
            right = bool(rests) and early <= spared and _most_at_once(gaps[first:], least_s) <= WORKERS
            self.say(right, f"{name} of {least_s:g} s: {len(started)} calls, {first + 1} before the first rest, "
                     f"{len(rests)} rests, gaps {_largest(gaps)}")  # fmt: skip


def _most_at_once(gaps: list[float], least_s: float) -> int:
    """The most calls that came between two rests."""
    most = count = 1
    for gap in gaps:
        count = count + 1 if gap < least_s - TOLERANCE_S else 1
        most = max(most, count)
    return most


def _largest(gaps: list[float]) -> str:
    return ", ".join(f"{gap:.1f}" for gap in sorted(gaps)[-8:]) or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=12)
    parser.add_argument("--seconds", type=float, default=12)
    chosen = parser.parse_args()
    if reason := why_not():
        sys.exit(reason)
    midnight = great_midnight().timestamp()
    with (
        tempfile.TemporaryDirectory(prefix="bench-clock-") as name,
        Sandbox.start("openai", pace=4, process=True) as demo,
        Sandbox.start("openai", process=True) as limiting,
        Sandbox.start("openai", process=True) as broken,
    ):
        demo.script(Step(text="Hello there, this is the answer.", usage=USAGE), lasting=True)
        limiting.script(rate_limited(RETRY_AFTER_S), lasting=True)
        broken.script(fault("503"), lasting=True)
        clock = WallClock(Path(name), midnight - time.time() - 300)
        with services(clock.environment) as (postgres, cache):
            settings = {
                "DATABASE_URL": postgres.url,
                "REDIS_URL": cache.url,
                "WEB_WORKERS": str(WORKERS),
                **clock.environment,
            }
            with production(configuration(demo, limiting, broken), **settings) as installation:
                lines = (installation.var / "keys.env").read_text().split()
                load = Load(installation.url, {line.partition("/")[0]: line.partition("=")[2] for line in lines})
                wait_until(lambda: all(load.is_known(kind) for kind in load.keys for _ in range(8)))  # to both workers
                clock.set(midnight + PAST_S - time.time() - len(STEPS) * chosen.seconds)
                asyncio.run(jump(clock, load, chosen.rate, chosen.seconds, midnight))
                print(f"nothing reserved {drained(postgres):.1f} s after the last answer")
                print({kind: dict(said) for kind, said in load.said.items()})
                books = Books(postgres, load, (demo, limiting, broken))
                for each in (books.budgets, books.limits, books.repeats, books.records_once, books.rests):
                    each()
    sys.exit("; ".join(books.wrong) if books.wrong else 0)


if __name__ == "__main__":
    main()
