#!/usr/bin/env python3
"""Is a budget ever exceeded? 200 requests at once, money for k of them, four web workers, once per seed and setting.

    bench/budgets.py [--seeds 20] [--requests 200] [--settings "workers killed"]

Settings: all is well; Redis is stopped; a web worker is killed (-9) in the middle of every race. PostgreSQL, Redis and
the upstream are the benchmark's own. Every request costs exactly its worst case, so that not one more than k may be
answered. Read afterwards: the budget's window in the database, its leases, the records, and the upstream's own log.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.production import Production, production  # noqa: E402
from bench.services import Postgres, services  # noqa: E402
from providers.sandbox.steps import Step  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402
from tests.run.installation import wait_until, web_workers  # noqa: E402

WORKERS = "4"
SETTINGS = ("all up", "redis stopped", "workers killed")
PRICE = {"input": 1, "output": 2}  # USD per million tokens
ANSWER_TOKENS = 100
TEMPLATE_TOKENS = 1000  # as routing/answering/paying.py reckons
MESSAGES = '"messages": [{"role": "user", "content": "Hi"}]'
BODIES = [
    f'{{"model": "demo", "stream": {said}, "max_tokens": {ANSWER_TOKENS}, {MESSAGES}}}' for said in ("true ", "false")
]
PROMPT_TOKENS = len(BODIES[0]) + TEMPLATE_TOKENS  # both are equally long
COST_NANO_USD = PROMPT_TOKENS * 1000 * PRICE["input"] + ANSWER_TOKENS * 1000 * PRICE["output"]
DRAINED_S = 60.0
PACE = 0.3  # of real latencies: requests overlap


class Race(Struct):
    """One race: what was budgeted, and what became of it."""

    setting: str
    seed: int
    tenant: str
    k: int
    key: str = ""
    answered: int = 0
    refused: int = 0
    other: dict[int, int] = {}  # answers with another status, 0: none at all
    spent_of_limit: float = 0.0
    over_nano_usd: int = 0
    recorded_nano_usd: int = 0
    spent_nano_usd: int = 0
    reserved: int = -1
    drained_s: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=SETTINGS)
    asked = parser.parse_args()
    races = [race_of(setting, seed, asked.requests) for setting in asked.settings for seed in range(asked.seeds)]
    with Sandbox.start("openai", pace=PACE, process=True) as sandbox, services() as (postgres, cache):
        usage = {"prompt": PROMPT_TOKENS, "completion": ANSWER_TOKENS}
        sandbox.script(Step(text="Hello there", usage=usage), lasting=True)
        addresses = {"DATABASE_URL": postgres.url, "REDIS_URL": cache.url, "WEB_WORKERS": WORKERS}
        with production(configuration(sandbox, races), **addresses) as installation:
            keys = (installation.var / "keys.env").read_text().split()
            known = {line.partition("/")[0]: line.partition("=")[2] for line in keys}
            for race in races:
                if race.setting == "redis stopped" and cache.process and cache.process.poll() is None:
                    cache.kill()
                if race.setting == "workers killed" and cache.process and cache.process.poll() is not None:
                    cache.start()
                race.key = known[race.tenant]
                wait_until(lambda: len(web_workers(installation)) == int(WORKERS))
                asyncio.run(run(race, installation, asked.requests))
                judge(race, postgres)
                tell(race)
    summarize(races)


def race_of(setting: str, seed: int, requests: int) -> Race:
    k = random.Random(seed).randrange(1, requests // 2)
    return Race(setting, seed, f"{setting.replace(' ', '-')}-{seed}", k)


def configuration(sandbox: Sandbox, races: list[Race]) -> dict[str, Any]:
    deployment = {"model": "demo", "context": 128_000, "max_output": 4096, "price": PRICE, "retries": 0}
    one = {"name": "sandbox", "wire": "openai", "base_url": sandbox.base_url, "credential": "sk-bench"}
    tenants = []
    for race in races:
        # A little less than one more request would need.
        usd = (race.k * COST_NANO_USD + COST_NANO_USD - 1) / 1e9
        budgets = [{"usd": round(usd, 9), "period": "total"}]
        tenants.append({"name": race.tenant, "keys": [{"name": "k"}], "budgets": budgets})
    return {"providers": [{**one, "allow_private": True, "deployments": [deployment]}], "tenants": tenants}


async def run(race: Race, installation: Production, requests: int) -> None:
    """All requests at once; in one setting a worker dies meanwhile."""
    limits = httpx.Limits(max_connections=requests, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=installation.url, limits=limits, timeout=60) as client:
        asking = [asyncio.create_task(ask(race, client, number)) for number in range(requests)]
        if race.setting == "workers killed":
            await asyncio.sleep(random.Random(race.seed).uniform(0.1, 0.8))
            if workers := sorted(web_workers(installation)):
                os.kill(random.Random(race.seed).choice(workers), signal.SIGKILL)
        await asyncio.gather(*asking)


async def ask(race: Race, client: httpx.AsyncClient, number: int) -> None:
    headers = {"authorization": f"Bearer {race.key}", "content-type": "application/json"}
    try:
        answer = await client.post("/v1/chat/completions", content=BODIES[number % 2], headers=headers)
        code = answer.status_code
    except httpx.TransportError:
        code = 0
    race.answered += code == 200
    race.refused += code == 402
    if code not in (200, 402):
        race.other[code] = race.other.get(code, 0) + 1


def judge(race: Race, postgres: Postgres) -> None:
    """Wait until nothing is reserved any more, and read what was spent."""
    begun, limit = time.monotonic(), race.k * COST_NANO_USD + COST_NANO_USD - 1
    query = f"""SELECT w.spent, w.leased FROM tenants_budgetwindow w JOIN tenants_budget b ON b.id = w.budget_id
        JOIN tenants_tenant t ON t.id = b.tenant_id WHERE t.name = '{race.tenant}'"""
    recorded = f"""SELECT coalesce(sum(cost_nano_usd), 0) FROM usage_requestrecord WHERE tenant = '{race.tenant}'"""
    while time.monotonic() - begun < DRAINED_S:
        spent, race.reserved = (postgres.rows(query) or [(0, 0)])[0]  # nobody asked for money: no window
        assert spent + race.reserved <= limit, f"{race.tenant}: {spent} spent and {race.reserved} leased of {limit}"
        race.spent_nano_usd, race.recorded_nano_usd = spent, int(postgres.rows(recorded)[0][0])
        if not race.reserved and spent >= race.answered * COST_NANO_USD * 0.99:
            break
        time.sleep(0.1)
    race.drained_s = time.monotonic() - begun
    race.over_nano_usd = max(race.spent_nano_usd - limit, 0)
    race.spent_of_limit = race.spent_nano_usd / limit


def tell(race: Race) -> None:
    right = not race.over_nano_usd and race.answered <= race.k and not race.reserved
    right = right and race.spent_nano_usd == race.recorded_nano_usd
    print(
        f"{race.setting:>14} seed {race.seed:>2}: money for {race.k:>3}, answered {race.answered:>3}, "
        f"402 {race.refused:>3}, other {race.other or 'none'}, spent {race.spent_of_limit:6.1%}, "
        f"over {race.over_nano_usd} nano-USD, reserved {race.reserved} after {race.drained_s:4.1f} s"
        f"{'' if right else '  WRONG'}",
        flush=True,
    )


def summarize(races: list[Race]) -> None:
    for setting in dict.fromkeys(race.setting for race in races):
        mine = [race for race in races if race.setting == setting]
        over = sum(race.answered > race.k or race.over_nano_usd > 0 for race in mine)
        left = sum(race.reserved != 0 for race in mine)
        apart = sum(race.spent_nano_usd != race.recorded_nano_usd for race in mine)
        short = sum(race.k - race.answered for race in mine) / sum(race.k for race in mine)
        print(f"{setting}: {len(mine)} races, {over} over the limit, {left} with money reserved at the end, "
              f"{apart} where budget and records differ, {short:.1%} of what was paid for not answered")  # fmt: skip


if __name__ == "__main__":
    main()
