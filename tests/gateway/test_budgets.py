"""Budgets hold in the running gateway: refused before they are overspent, settled exactly, closed after a kill.

One gateway serves all of these tests; each has a tenant of its own.
"""

import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.sandbox.testing import Sandbox, fault

from .conftest import provider, two_providers
from .gateway import Gateway, Watched

ASKED = {"max_tokens": 20}
BUDGETS: dict[str, list[dict[str, Any]]] = {
    "exact": [{"usd": 0.01, "period": "day"}, {"tokens": 50_000, "period": "month", "hard": False}],
    "spent": [{"usd": 0.0000001, "period": "day"}],
    "crowd": [{"usd": 0.02, "period": "total"}],
    "penniless": [{"usd": 0, "period": "month"}],
    "tagged": [{"usd": 0, "period": "month", "tag": "night"}],
    "thrifty": [{"usd": 0.05, "period": "month", "low": {"percent": 100, "policy": "thrift"}}],
    "killed": [{"usd": 1, "period": "total"}],
    "silent": [{"usd": 0.0004, "period": "total"}],
    "brief": [{"usd": 0.0004, "period": "total"}],
}


@pytest.fixture(scope="module")
def served(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, primary_process: Sandbox, fallback_process: Sandbox
) -> Iterator[Gateway]:
    configuration = two_providers(primary_process, fallback_process)
    configuration["providers"] += [
        provider("gratis", fallback_process, model="other", price={"input": 0, "output": 0}),
        provider("priceless", fallback_process, model="unpriced", price=None),
        provider("terse", fallback_process, model="brief", max_output=20, price={"input": 0, "output": 10}),
    ]
    configuration["policies"].append({"name": "thrift", "kind": "ordered", "order": ["fallback/demo", "primary/demo"]})
    usual = {"keys": [{"name": "ci"}], "default_policy": "primary-first"}
    configuration["tenants"] = [{"name": name, "budgets": budgets, **usual} for name, budgets in BUDGETS.items()]
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("budgets"))
    gateway.apply(configuration)
    yield gateway.start()
    gateway.stop()
    assert not gateway.complaints()


class Asking:
    """One tenant of the gateway."""

    def __init__(self, gateway: Gateway, tenant: str) -> None:
        self.gateway, self.tenant = gateway, tenant
        self.headers = {"authorization": f"Bearer {gateway.keys[f'{tenant}/ci']}"}

    def chat(self, model: str = "demo", **fields: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **ASKED, **fields}
        address = f"{self.gateway.url}/v1/chat/completions"
        return httpx.post(address, json=body, headers=self.headers, timeout=60)

    def budgets(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.gateway.url}/v1/usage", headers=self.headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["budgets"])

    def drained(self) -> dict[str, Any]:
        """The first budget, once everything is shipped and given back."""
        for _ in range(30):
            self.gateway.ship()
            first = self.budgets()[0]
            if first["reserved"] == "0":
                return first
            time.sleep(0.3)
        raise AssertionError(f"still reserved: {first}")

    def records(self, columns: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.gateway.var / "neuroroute.sqlite3") as database:
            sql = f"SELECT {columns} FROM usage_requestrecord WHERE tenant = ? ORDER BY id"
            return database.execute(sql, [self.tenant]).fetchall()

    def cost(self) -> int:
        return sum(row[0] or 0 for row in self.records("cost_nano_usd"))


def usd(nano: int) -> float:
    return pytest.approx(nano / 1e9, abs=1e-12)


def test_what_is_spent_is_what_was_recorded_and_the_rest_is_free(served, primary, fallback):
    tenant = Asking(served, "exact")
    primary.script("Hello", fault("503"), "Hello")
    for stream in (False, True, True, False):
        assert tenant.chat(stream=stream).status_code == 200
    dollars, cost = tenant.drained(), tenant.cost()
    assert cost > 0 and float(dollars["spent"]) == usd(cost) and float(dollars["remaining"]) == usd(10**7 - cost)
    assert (dollars["unit"], dollars["limit"], dollars["hard"]) == ("usd", "0.01", True) and dollars["resets_at"]
    tokens = tenant.budgets()[1]
    counted = sum(sum(part or 0 for part in row) for row in tenant.records("prompt_tokens, completion_tokens"))
    assert int(tokens["spent"]) == counted > 0 and tokens["hard"] is False


@pytest.mark.parametrize("stream", [False, True])
def test_nobody_writes_more_than_is_held_where_the_caller_sets_no_limit(served, fallback, stream):
    tenant = Asking(served, "silent")
    answer = tenant.chat("brief", max_tokens=None, stream=stream)
    assert answer.status_code == 200 and fallback.calls(chats=True)[-1].body["max_tokens"] == 20
    assert float(tenant.drained()["spent"]) <= 0.0004


def test_nobody_writes_more_than_is_held_whatever_the_caller_allows(served):
    """The hold is for the 20 tokens that the deployment writes at most; of more, more would come."""
    tenant = Asking(served, "brief")
    for stream in (False, True):
        answer = tenant.chat("brief", max_tokens=5000, stream=stream)
        assert answer.headers["x-neuroroute-warnings"] == "max_tokens lowered to 20, the most that terse/brief writes"
        assert '"finish_reason":"length"' in answer.text
    first = tenant.drained()
    assert (first["spent"], float(first["remaining"])) == ("0.0004", 0), "to the last micro-dollar"


@pytest.mark.parametrize("stream", [False, True])
def test_a_spent_budget_refuses_with_402_and_says_when_it_begins_anew(served, primary, fallback, stream):
    refused = Asking(served, "spent").chat(stream=stream)
    assert refused.status_code == 402 and refused.headers["x-should-retry"] == "false"
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
    assert "0.0000001 USD per day" in error["message"] and "begins anew at" in error["message"]
    assert not primary.calls(chats=True) and not fallback.calls(chats=True)


def test_many_at_once_are_never_too_many(served, primary, fallback):
    tenant = Asking(served, "crowd")
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda n: tenant.chat(stream=n % 2 == 0, max_tokens=2000).status_code, range(60)))
    assert set(answers) == {200, 402}
    budget = tenant.drained()
    assert float(budget["spent"]) == usd(tenant.cost()) and 0 < tenant.cost() <= 2 * 10**7


def test_what_costs_nothing_still_answers_when_the_money_has_run_out(served, primary, fallback):
    tenant = Asking(served, "penniless")
    assert tenant.chat("other").status_code == 200
    assert tenant.chat("demo").status_code == 402
    unpriced = tenant.chat("unpriced")
    assert unpriced.status_code == 402 and "has no price" in unpriced.json()["error"]["message"]
    both = tenant.chat("demo", models=["other"])
    assert (both.status_code, both.headers["x-neuroroute-provider"]) == (200, "gratis")


def test_a_tag_s_budget_counts_its_requests_alone(served, primary, fallback):
    tenant = Asking(served, "tagged")
    assert tenant.chat().status_code == 200
    assert tenant.chat(neuroroute={"tags": ["night"]}).status_code == 402


def test_the_cheaper_policy_takes_over_when_little_is_left(served, primary, fallback):
    tenant = Asking(served, "thrifty")
    assert tenant.chat().headers["x-neuroroute-policy"] == "primary-first"
    second = tenant.chat()
    assert (second.headers["x-neuroroute-policy"], second.headers["x-neuroroute-provider"]) == ("thrift", "fallback")
    assert "little of a budget is left: policy thrift" in second.headers["x-neuroroute-warnings"]


def test_a_killed_worker_s_requests_are_closed_and_charged_at_their_worst_case(served, primary, fallback):
    tenant = Asking(served, "killed")
    assert tenant.chat().status_code == 200
    primary.script(*[fault("hang")] * 4)
    threads = [threading.Thread(target=ask_and_be_cut, args=(tenant, n % 2 == 0)) for n in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(primary.calls(chats=True)) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    served.stop(signal.SIGKILL)
    for thread in threads:
        thread.join(30)
    served.ship()
    served.start()
    rows = tenant.records("error, cost_nano_usd, estimated, status")
    died = [row for row in rows if row[0] == "WorkerDied"]
    assert len(died) == 4 and len(rows) == 5
    assert all(cost > 0 and estimated and status == "failed" for _, cost, estimated, status in died)
    budget = tenant.budgets()[0]
    assert (budget["reserved"], float(budget["spent"])) == ("0", usd(tenant.cost()))
    served.ship()
    assert tenant.budgets()[0] == budget


def ask_and_be_cut(tenant: Asking, stream: bool) -> None:
    try:
        tenant.chat(stream=stream)
    except httpx.TransportError:
        return
