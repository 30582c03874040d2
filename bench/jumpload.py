"""Five kinds of load on one installation, for bench/clockjumps.py: who asks whom for what, and what they hear.

`paid` (three hard budgets), `limited` (requests per minute), `repeated` (each Idempotency-Key again and again),
`failing` (an upstream that always answers 429 with Retry-After, another that answers 503) and `uneven` (one of which
most calls fail, spread over so many models that it is throttled and no breaker opens).
"""

import asyncio
import re
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

import aiohttp
import httpx

from providers.sandbox.testing import Sandbox

ZONE: Final = "Europe/Berlin"
PRICE: Final = {"input": 1, "output": 2}
USAGE: Final = {"prompt": 900, "completion": 100}
COST_NANO_USD: Final = 900 * 1000 + 100 * 2000
PER_MINUTE: Final = 40
PAID_FOR: Final = {"day": 90, "week": 300, "month": 1000}  # requests that a window covers
FAILED_SHARE: Final = 0.75
UNEVEN: Final = [f"uneven-{number}" for number in range(100)]
SAMPLE_S: Final = 0.25
THROTTLED: Final = re.compile(r'^llm_throttled_share\{[^}]*provider="uneven"[^}]*\} (\S+)', re.MULTILINE)


@dataclass
class Load:
    """What clients heard: `said` by kind, the tokens of whole answers, and the answers to each repeated key; what was
    kept back from the uneven provider, by the jump that had gone before."""

    url: str
    keys: dict[str, str]
    said: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    whole: set[str] = field(default_factory=set)
    repeated: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    kept_back: dict[str, list[float]] = field(default_factory=dict)

    def is_known(self, kind: str) -> bool:
        """Whether the worker that answers knows the key."""
        headers = {"authorization": f"Bearer {self.keys[kind]}"}
        return httpx.get(f"{self.url}/v1/usage", headers=headers, timeout=30).status_code == 200

    async def run(self, rate: float, seconds: float, repeating: str) -> None:
        """All kinds at this rate; `repeating` is a key that every request with one brings during this part."""
        async with aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=60)) as http:
            due, tasks, models = time.monotonic(), [], cycle(UNEVEN)
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(due + number / rate - time.monotonic(), 0))
                asks = [("paid", "demo", ""), ("limited", "demo", ""), ("failing", "failing", "")]
                asks += [("repeated", "demo", repeating)] * (number % 4 == 0)
                asks += [("uneven", next(models), "")] * (number % 2)
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

    async def kept_back_for(self, seconds: float) -> list[float]:
        """The share of calls that is kept back from the uneven provider, again and again."""
        shares, ends = [], time.monotonic() + seconds
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as http:
            while time.monotonic() < ends:
                told = THROTTLED.search((await http.get("/metrics")).text)
                shares.append(float(told[1]) if told else 0.0)
                await asyncio.sleep(SAMPLE_S)
        return shares


def configuration(sandbox: Sandbox, limiting: Sandbox, broken: Sandbox, uneven: Sandbox) -> dict[str, Any]:
    facts = {"context": 128_000, "max_output": 4096, "retries": 0, "quality": 0.7}
    cheap, dear = ({"input": price, "output": 2 * price} for price in (0.1, 10))
    served = {
        "sandbox": (sandbox, {"demo": PRICE, "failing": dear, **dict.fromkeys(UNEVEN, dear)}),
        "limiting": (limiting, {"failing": cheap}),
        "broken": (broken, {"failing": cheap}),
        "uneven": (uneven, dict.fromkeys(UNEVEN, cheap)),
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
        "uneven": {},
    }
    return {"providers": providers, "tenants": [{"name": n, "keys": [{"name": "k"}], **m} for n, m in more.items()]}
