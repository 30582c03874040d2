#!/usr/bin/env python3
"""Do jumps of the wall clock change a balance? Two workers under load while the clock of every process of the
installation, PostgreSQL's and Redis' too, goes an hour ahead, an hour back and five seconds back over a midnight.

    bench/clockjumps.py [--rate 12] [--seconds 12]

It begins just before the midnight that ends a day, a week and a month of the tenant's time zone. The load is of five
kinds (bench/jumpload.py). Afterwards the books of all sides are compared. The clock is tests/wallclock.c; the clients,
the sandboxes and time.monotonic() keep the real one.
"""

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.jumpload import FAILED_SHARE, PER_MINUTE, USAGE, ZONE, Load, configuration  # noqa: E402
from bench.production import production  # noqa: E402
from bench.services import Postgres, services  # noqa: E402
from providers.sandbox.steps import Step  # noqa: E402
from providers.sandbox.testing import Sandbox, fault, rate_limited  # noqa: E402
from routing.resilience.breaker import FIRST_COOLDOWN_S, JITTER  # noqa: E402
from tenants.periods import Period, span_of  # noqa: E402
from tests.clocks import WallClock, why_not  # noqa: E402
from tests.run.installation import wait_until  # noqa: E402

RETRY_AFTER_S: Final = 25
HOUR_S: Final = 3600.0
WORKERS: Final = 2
TOLERANCE_S: Final = 0.3
STEPS: Final = (("+1 h", HOUR_S), ("-1 h", -HOUR_S), ("-5 s", -5.0))  # the last one just after midnight
PAST_S: Final = 2.0
WATCHED_S: Final = 4.0  # each worker tells every two seconds what it keeps back
SHARE: Final = (0.15, 0.95)  # kept back from a provider of which three calls in four fail, about a half


def great_midnight() -> datetime:
    """The next midnight that begins a day, a week and a month at once."""
    day = datetime.now(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= datetime.now(ZoneInfo(ZONE)) or day.weekday() or day.day != 1:
        day += timedelta(days=1)
    return day


async def jump(clock: WallClock, load: Load, rate: float, seconds: float, midnight: float) -> None:
    """Before, and after each step; a request that repeats is sent in two parts in a row, a step between them."""
    keys = [uuid.uuid4().hex for _ in range(len(STEPS) + 1)]
    running, watched = asyncio.create_task(load.run(rate, seconds, keys[0])), {}
    for number, (name, step_s) in enumerate(STEPS):
        await asyncio.sleep(seconds)
        if step_s == STEPS[-1][1]:
            await asyncio.sleep(max(midnight + PAST_S - clock.now(), 0))
        earlier = clock.now()
        clock.step(step_s)  # while the last of the part before are being answered
        print(f"{name}: the clock went from {_shown(earlier)} to {_shown(clock.now())}", flush=True)
        again = asyncio.create_task(load.run(rate, seconds, keys[number]))
        watched[name] = asyncio.create_task(load.kept_back_for(WATCHED_S))
        await running
        running = again
    await running
    load.kept_back = {name: await shares for name, shares in watched.items()}


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

    def __init__(self, postgres: Postgres, load: Load, sandboxes: tuple[Sandbox, ...]) -> None:
        self.postgres, self.load, self.wrong = postgres, load, list[str]()
        rows = postgres.rows("SELECT id, tenant, session, status, cost_nano_usd FROM usage_requestrecord")
        self.records = [(row[0].int >> 80, *row[1:]) for row in rows]
        self.demo, self.limiting, self.broken, self.uneven = sandboxes

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

    def throttles(self) -> None:
        """What a provider that fails often is spared does not change by a jump, and it goes on being asked."""
        least, most = SHARE
        for name, shares in self.load.kept_back.items():
            right = least <= min(shares) and max(shares) <= most
            self.say(right, f"throttled: {min(shares):.2f} to {max(shares):.2f} of the calls after {name}")
        asked, sent = self.load.said["uneven"].total(), len(self.uneven.calls(chats=True))
        self.say(0 < sent < asked, f"throttled: {asked} requests, {sent} calls")


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
        Sandbox.start("openai", process=True) as uneven,
    ):
        demo.script(Step(text="Hello there, this is the answer.", usage=USAGE), lasting=True)
        limiting.script(rate_limited(RETRY_AFTER_S), lasting=True)
        broken.script(fault("503"), lasting=True)
        uneven.fault_rates(seed=1, **{"503": FAILED_SHARE})
        sandboxes = demo, limiting, broken, uneven
        clock = WallClock(Path(name), midnight - time.time() - 300)
        with services(clock.environment) as (postgres, cache):
            settings = {
                "DATABASE_URL": postgres.url,
                "REDIS_URL": cache.url,
                "WEB_WORKERS": str(WORKERS),
                **clock.environment,
            }
            with production(configuration(*sandboxes), **settings) as installation:
                lines = (installation.var / "keys.env").read_text().split()
                load = Load(installation.url, {line.partition("/")[0]: line.partition("=")[2] for line in lines})
                wait_until(lambda: all(load.is_known(kind) for kind in load.keys for _ in range(8)))  # to both workers
                clock.set(midnight + PAST_S - time.time() - len(STEPS) * chosen.seconds)
                asyncio.run(jump(clock, load, chosen.rate, chosen.seconds, midnight))
                print(f"nothing reserved {drained(postgres):.1f} s after the last answer")
                print({kind: dict(said) for kind, said in load.said.items()})
                books = Books(postgres, load, sandboxes)
                for each in (
                    books.budgets,
                    books.limits,
                    books.repeats,
                    books.records_once,
                    books.rests,
                    books.throttles,
                ):
                    each()
    sys.exit("; ".join(books.wrong) if books.wrong else 0)


if __name__ == "__main__":
    main()
