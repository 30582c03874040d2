#!/usr/bin/env python3
"""Where each microsecond of a request goes: every stage of the data plane, called alone, and then the whole of it.

    bench/hotpath.py [--upstream http://127.0.0.1:9001/v1]

Figures are CPU microseconds (all threads of this process), the best of several rounds: the machine's noise only adds.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="hotpath-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuroroute.settings")

import uvloop  # noqa: E402

if TYPE_CHECKING:
    from routing.answering.tries import Try
    from routing.planner import Plan

BODY = json.dumps(
    {
        "model": "bench",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Hello! Tell me something about routing large language models."},
        ],
        "temperature": 0.7,
        "max_tokens": 100,
    }
).encode()
ROUNDS, CALLS = 7, 400


def set_up(upstream: str) -> str:
    """A migrated database with one deployment and one client key; answers the key."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from providers.models import Credential, Deployment, DeploymentPrice, LanguageModel, Provider
    from providers.pricerows import BEGINNING
    from providers.secrets import seal
    from tenants.keys import issue
    from tenants.models import Tenant

    provider = Provider.objects.create(name="bench", wire="openai", base_url=upstream, allow_private=True)
    Credential.objects.create(provider=provider, ciphertext=seal("sk-bench"), last_four="ench")
    model = LanguageModel.objects.create(name="bench")
    facts = {"context": 128_000, "quality": 0.7}
    row = Deployment.objects.create(provider=provider, model=model, upstream_model="bench", **facts)
    DeploymentPrice.objects.create(deployment=row, effective_from=BEGINNING, input="0.15", output="0.6")
    tenant = Tenant.objects.create(name="bench", requests_per_minute=10**8, requests_per_day=10**9)
    return issue(tenant, "bench")[1]


def timed(name: str, call: Callable[[], object]) -> None:
    best = min(_round(call) for _ in range(ROUNDS))
    print(f"{name:44s} {best:8.1f} us")


def _round(call: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - began) / CALLS * 1e6


async def timed_async(name: str, call: Callable[[], Awaitable[object]]) -> None:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            await call()
        best = min(best, (time.process_time() - began) / CALLS * 1e6)
    print(f"{name:44s} {best:8.1f} us")


def time_loads(plan: "Plan", attempt: "Try") -> None:
    """What counting the requests at a deployment costs, where it has none and where it has one."""
    from routing.answering.loads import Loads

    loads = Loads()

    def counted() -> None:
        loads.at(plan)
        loads.begins(attempt.target.id)
        loads.ends(attempt)

    timed("loads: seen, in and out; none running", counted)
    loads.begins(attempt.target.id)
    timed("loads: seen, in and out; one running", counted)


def time_planning_anew(planner: Any, asked: Any, caller: Any) -> None:
    def plan_anew() -> None:
        planner.forget()
        planner.plan(asked, caller)

    timed("plan (made anew)", plan_anew)


def time_register(running: Any, story: Any) -> None:
    def register() -> None:
        running.enter(story)
        running.leave(story)

    timed("register of what runs: in and out", register)


async def time_whole(headers: list[tuple[bytes, bytes]]) -> None:
    from neuroroute.asgi import application

    async def receive() -> dict[str, object]:
        if not sent:
            sent.append(1)
            return {"type": "http.request", "body": BODY}
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        assert message.get("status", 200) == 200, message

    sent: list[int] = []

    async def whole() -> None:
        sent.clear()
        scope = {
            "type": "http", "method": "POST", "path": "/v1/chat/completions", "raw_path": b"/v1/chat/completions",
            "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http", "root_path": "",
            "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await application(scope, receive, send)

    await timed_async("whole request inside the ASGI application", whole)


async def measure(key: str) -> None:
    from neuroroute.asgi import wants_stream
    from providers import attempts
    from providers.adapters import adapters
    from providers.attempts import Marks
    from routing.api.chat import ChatCompletions
    from routing.api.entry import caller_of, enter, new_id, parse
    from routing.api.headers import story_headers
    from routing.runtime import runtime
    from routing.surfaces import surfaces

    now = runtime()
    await now.ready()
    headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"authorization", f"Bearer {key}".encode())]
    caller = caller_of(headers, now.keyring.current)
    asked, _ = parse(surfaces()["chat"], BODY, new_id(), 10**7)
    target = now.catalog.current.by_model["bench"][0]
    adapter = adapters()["openai"]
    answer, outcome = await now.engine.answer(asked, caller)

    timed("new id", new_id)
    timed("which face", lambda: wants_stream(BODY))
    timed("parse and find features", lambda: parse(surfaces()["chat"], BODY, outcome.id, 10**7))
    timed("authenticate", lambda: caller_of(headers, now.keyring.current))
    await timed_async("authenticate, parse, limits", lambda: enter(surfaces()["chat"], headers, BODY, outcome.id, now))
    timed("plan (known class)", lambda: now.engine.planner.plan(asked, caller))

    time_planning_anew(now.engine.planner, asked, caller)
    timed("story: open and plan", lambda: now.engine.explain(asked, caller))
    timed("adapter: request", lambda: adapter.request(asked.request, target, target.secrets[0]))
    timed("adapter: answer", lambda: adapter.answer(answer.data, asked.request, target))
    await timed_async(
        "attempt: request, wire, answer", lambda: attempts.complete(asked.request, target, target.secrets[0], Marks())
    )
    timed("journal: one outcome", lambda: now.journal.write(outcome))
    story = now.engine._open(asked, caller)

    time_register(now.engine.running, story)
    time_loads(now.engine.planner.plan(asked, caller), story.begin(target, None))
    await timed_async("engine: answer, all of the above", lambda: now.engine.answer(asked, caller))
    timed("headers of the answer", lambda: story_headers(outcome, (), []))

    await time_whole(headers)
    assert ChatCompletions
    await now.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream", default="http://127.0.0.1:9001/v1")
    import django

    django.setup()
    uvloop.run(measure(set_up(parser.parse_args().upstream)))
