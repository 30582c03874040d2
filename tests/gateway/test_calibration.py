"""Estimates learn from what an upstream reports, in a running gateway: drift falls, and holds and limits follow."""

import ast
import json
import random
import sqlite3
import time
from typing import Any

import httpx

from providers.sandbox.steps import Step

from .conftest import two_providers
from .gateway import Gateway, manage

RATIO = 1.6  # tokens that the sandbox reports for each that we estimate
PROMPTS = 60
JOB = "from profiling.jobs import job_kinds as k; from profiling.jobs.base import Run; "
JOB += "print(k()['{0}'].run(Run(1, '{0}', 'now', 1), lambda *said: None))"


class Talk:
    """Prompts of all lengths to one gateway, whose upstream counts by a tokenizer of its own."""

    def __init__(self, gateway: Gateway, sandbox: Any) -> None:
        self.gateway, self.sandbox, self.rng = gateway, sandbox, random.Random(7)

    def ask(self, count: int, *, ratio: float = RATIO) -> None:
        for number in range(count):
            words = self.rng.choices(("route", "models", "to", "their", "cheapest", "provider;"), k=self.rng.choice(
                (3, 20, 150, 900)
            ))  # fmt: skip
            content = " ".join(words)
            told = round(self.raw(content) * ratio * self.rng.uniform(0.93, 1.07))
            self.sandbox.script(Step(text="Fine.", usage={"prompt": told}))
            answer = self.gateway.chat(content, "primary/demo", stream=number % 2 == 0)
            assert answer.status_code == 200, answer.text
        self.gateway.ship()

    def route(self, content: str, model: str = "primary/demo") -> dict[str, Any]:
        body = {"model": model, "messages": [{"role": "user", "content": content}]}
        answer = httpx.post(f"{self.gateway.url}/v1/route", json=body, headers=self.gateway.headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def raw(self, content: str) -> int:
        return int(self.route(content)["features"]["prompt_tokens"])

    def calibrate(self) -> None:
        """Run the job as a worker of jobs does; returns when the web worker has heard of it."""
        manage(self.gateway.var, "shell", "-c", JOB.format("token_calibration"), env=self.gateway.env)
        for _ in range(50):
            if self.factor() != 1.0:
                return
            time.sleep(0.2)
        raise AssertionError("the web worker did not take the factor in")

    def findings(self) -> list[str]:
        """What the check of money finds."""
        said = manage(self.gateway.var, "shell", "-c", JOB.format("money_sanity"), env=self.gateway.env)
        return [finding["what"] for finding in ast.literal_eval(said.splitlines()[-1])["findings"]]

    def factor(self) -> float:
        return float(self.route("Hello")["decision"]["candidates"][0]["calibration"])

    def drift(self, last: int) -> float:
        """How far the estimates of the last requests are off what was reported, all together."""
        with sqlite3.connect(self.gateway.var / "neuroroute.sqlite3") as database:
            sql = "SELECT estimated_prompt_tokens, prompt_tokens FROM usage_requestrecord ORDER BY id DESC LIMIT ?"
            rows = database.execute(sql, [last]).fetchall()
        assert len(rows) == last
        return sum(row[0] for row in rows) / sum(row[1] for row in rows) - 1


def test_the_estimates_of_a_model_come_within_a_tenth_of_what_is_reported(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback, limits={"tokens_per_minute": 1_000_000_000}))
    talk = Talk(gateway, primary)
    talk.ask(PROMPTS)
    assert talk.drift(PROMPTS) < -0.3
    (said,) = talk.findings()
    assert said.startswith("primary/demo: prompts are estimated -3")
    forecast = talk.route("Hello " * 500)["expected_cost_usd"]["low"]

    talk.calibrate()
    assert abs(talk.factor() / RATIO - 1) < 0.05
    talk.ask(PROMPTS)
    assert abs(talk.drift(PROMPTS)) < 0.1
    assert talk.findings() == []
    assert float(talk.route("Hello " * 500)["expected_cost_usd"]["low"]) > 1.2 * float(forecast)


def test_limits_reckon_with_the_learned_factor_and_an_absurd_usage_spoils_nothing(make_gateway, primary, fallback):
    gateway = make_gateway(two_providers(primary, fallback, limits={"tokens_per_minute": 1_000_000_000}))
    talk = Talk(gateway, primary)
    talk.ask(PROMPTS // 2)
    for usage in (90_000_000, 1):
        primary.script(Step(text="Fine.", usage={"prompt": usage}))
        assert gateway.chat("A short question", "primary/demo").status_code == 200
    gateway.ship()
    talk.calibrate()
    assert abs(talk.factor() / RATIO - 1) < 0.05

    content = "Hello " * 4_000
    raw = talk.raw(content)
    configuration = two_providers(primary, fallback, limits={"tokens_per_minute": round(raw * 1.3)})
    gateway.apply(configuration)
    time.sleep(1.5)  # a change counts within a second
    answer = gateway.chat(content, "primary/demo", max_tokens=1)
    assert answer.status_code == 429 and "request_exceeds_limit" in json.dumps(answer.json())
