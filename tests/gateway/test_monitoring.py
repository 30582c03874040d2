"""Whether what Prometheus and Grafana are told to look at is what a running gateway shows."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from providers.sandbox.testing import Sandbox, fault
from routing import healthmetrics
from usage import families

from .conftest import two_providers
from .expressions import OF_THE_SCRAPE, named
from .gateway import ROOT, Gateway, clean_environment, manage

ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
SCRAPE = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
BOARDS = {
    path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
}
EXPRESSIONS = {f"alert {rule['alert']}": rule["expr"] for rule in RULES} | {
    f"{board}: {panel['title']} {target['refId']}": target["expr"]
    for board, data in BOARDS.items()
    for panel in data["panels"]
    for target in panel["targets"]
}
# Shown only once something out of the ordinary has happened: their families stand for them.
RARE = {
    "llm_throttled_share": healthmetrics.throttled,
    "llm_attempts_not_sent_total": healthmetrics.passed_over,
    "llm_credentials_barred": healthmetrics.barred,
    "llm_unpriced_requests_total": families.unpriced,
}
OF_PROMETHEUS = {"up": OF_THE_SCRAPE}
A_GPU = (
    "from profiling.models import GpuSample; from django.utils.timezone import now; "
    "GpuSample.objects.create(taken_at=now(), host='box', gpu='GPU-0', name='RTX', used_bytes=1, total_bytes=4, "
    "busy_percent=50)"
)
Exported = dict[str, set[str]]


@pytest.fixture(scope="module")
def exported(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, primary_process: Sandbox, fallback_process: Sandbox
) -> Iterator[Exported]:
    """Every series of a gateway that has answered, streamed, failed over and spent money: its name and its labels."""
    for sandbox in (primary_process, fallback_process):
        sandbox.reset()
    gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("monitored"))
    budget = {"budgets": [{"usd": 25, "period": "month", "hard": True}]}
    gateway.apply(two_providers(primary_process, fallback_process, **budget))
    manage(gateway.var, "shell", "-c", A_GPU)
    gateway.start()
    try:
        primary_process.script(fault("500"), fault("500"), fault("500"))
        assert gateway.chat("Hello").status_code == 200
        assert gateway.events("Tell me something long please")[0].status_code == 200
        with _shipping(gateway):
            yield _wait_for(
                gateway,
                "llm_budget_remaining_ratio",
                "llm_ttft_seconds_bucket",
                "llm_failover_events_total",
                "llm_model_success_rate",
            )
    finally:
        gateway.stop()


@contextmanager
def _shipping(gateway: Gateway) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "ship"], cwd=ROOT, env=clean_environment(gateway.var), stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(gateway: Gateway, *names: str) -> Exported:
    found: Exported = {}
    for _ in range(300):
        found = {}
        for family in text_string_to_metric_families(httpx.get(f"{gateway.url}/metrics", timeout=10).text):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
        if found.keys() >= set(names):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{set(names) - found.keys()} did not come; there are {sorted(found)}")


@pytest.fixture(scope="module")
def known(exported: Exported) -> Exported:
    declared = {name: set(family._labelnames) for name, family in RARE.items()}
    return {name: labels | OF_THE_SCRAPE for name, labels in (exported | declared | OF_PROMETHEUS).items()}


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_asks_for_what_is_there(known: Exported, expression: str) -> None:
    asked = named(expression)
    assert asked.metrics
    assert set(asked.metrics) <= known.keys()
    for name, labels in asked.metrics.items():
        assert labels <= known[name], name
    assert asked.grouped <= set.union(*(known[name] for name in asked.metrics))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_and_names_labels_that_are_there(known: Exported, rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    told = json.dumps(rule["annotations"])
    shown = set(re.findall(r"\$labels\.(\w+)", told))
    asked = named(rule["expr"])
    assert shown <= (asked.grouped or set.union(*(known[name] for name in asked.metrics)))


def test_what_must_ring_has_an_alert() -> None:
    watched = {name for rule in RULES for name in named(rule["expr"]).metrics}
    assert watched >= {
        "up", "llm_requests_total", "llm_failover_events_total", "llm_journal_backlog_age_seconds", "llm_breaker_state",
        "llm_budget_remaining_ratio", "llm_ttft_seconds_bucket", "llm_journal_disk_free_bytes",
    }  # fmt: skip
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_the_operators_page_says_what_to_do_about_every_alert() -> None:
    page = (ROOT / "docs/running-in-production.md").read_text()
    assert [rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in page] == []


def test_the_names_of_the_interface_are_there(known: Exported) -> None:
    assert known.keys() >= {
        "llm_requests_total", "llm_requests_duration_seconds_bucket", "llm_model_success_rate",
        "llm_overhead_seconds_bucket",
        "llm_failover_events_total", "llm_cache_hits_total", "llm_ttft_seconds_bucket", "llm_tpot_seconds_bucket",
        "llm_tokens_total",
        "llm_cost_usd_total", "llm_breaker_state", "llm_budget_remaining_ratio", "llm_journal_backlog_rows",
        "llm_vram_used_bytes", "django_http_requests_before_middlewares_total",
    }  # fmt: skip


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_can_be_drawn(known: Exported, board: str) -> None:
    data = BOARDS[board]
    ids, places = [], []
    for panel in data["panels"]:
        place = panel["gridPos"]
        ids.append(panel["id"])
        places += [
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert place["x"] + place["w"] <= 24 and panel["title"].endswith("?")
        assert panel["datasource"]["uid"] == _datasource()["uid"]
    assert len(set(ids)) == len(ids) and len(set(places)) == len(places)
    for variable in data["templating"]["list"]:
        name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]).groups()
        assert label in known[name]
    variables = {variable["name"] for variable in data["templating"]["list"]}
    used = set(re.findall(r"\$(\w+)", json.dumps([p["targets"] for p in data["panels"]]))) - {"__rate_interval"}
    assert used <= variables


def test_there_is_a_board_for_every_question() -> None:
    assert set(BOARDS) == {"overview", "latency", "reliability", "money", "local-models"}
    assert len({data["uid"] for data in BOARDS.values()}) == len(BOARDS)


def _datasource() -> dict[str, Any]:
    provisioned = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
    (one,) = provisioned["datasources"]
    return dict(one)


def test_prometheus_asks_an_address_that_answers(exported: Exported) -> None:
    (job,) = (job for job in SCRAPE["scrape_configs"] if job["job_name"] == "neuroroute")
    assert job["metrics_path"] == "/metrics" and exported  # which was read there
    assert [f"/etc/prometheus/{path.name}" for path in (ROOT / "deploy/prometheus").glob("alerts*")] == SCRAPE[
        "rule_files"
    ]


def test_prometheus_is_let_in_by_the_token_alone(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway({"tenants": [{"name": "team"}]}, METRICS_TOKEN="only-prometheus-knows-this")
    assert httpx.get(f"{gateway.url}/metrics").status_code in {401, 403}
    told = httpx.get(f"{gateway.url}/metrics", headers={"authorization": "Bearer only-prometheus-knows-this"})
    assert told.status_code == 200 and "llm_journal_backlog_rows" in told.text


@pytest.mark.parametrize(
    ("expression", "metrics", "grouped"),
    [
        ('sum by (le, model) (rate(a_bucket{x=~"y|z"}[5m]))', {"a_bucket": {"x"}}, {"le", "model"}),
        ("1e6 * a / b > 0.05 and c", {"a": set(), "b": set(), "c": set()}, set()),
        ('absent(up{job="n"}) or predict_linear(d[1h], 4 * 3600) < 0', {"up": {"job"}, "d": set()}, set()),
    ],
)
def test_names_are_found(expression: str, metrics: Exported, grouped: set[str]) -> None:
    found = named(expression)
    assert (found.metrics, found.grouped) == (metrics, grouped)
