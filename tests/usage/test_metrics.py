"""Counters of many processes add up, outlive their processes, and never go back."""

import json
import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.usage.conftest import Place
from tests.usage.stories import journal, stories
from usage import metrics

NO_FAILOVER_YET = """
from django.conf import settings
from providers.models import Deployment, LanguageModel, Provider
from usage.shipper import Shipper
acme = Provider.objects.create(name="acme", wire="openai", base_url="http://127.0.0.1:1/v1")
for name, enabled in (("one", True), ("off", False)):
    model = LanguageModel.objects.create(name=name)
    Deployment.objects.create(provider=acme, model=model, upstream_model=name, enabled=enabled)
Shipper(settings.VAR_DIR / "spool").keep_up()
"""
PROCESS = ("-m", "tests.usage.processes", "count")
# Labels in the order of their names.
ATTEMPTS = ("llm_attempts_total", ("answered", "small", "alpha"))
OBSERVED = ("llm_requests_duration_seconds_count", ("small", "alpha"))


def test_living_and_dead_processes_add_up(place: Place) -> None:
    first, second = _counting(place, 3), _counting(place, 4)
    assert _values(place)[ATTEMPTS] == 7
    for process in (first, second):
        process.kill()
        process.wait()
    assert _values(place)[ATTEMPTS] == 7
    metrics.sweep(place.var / "metrics")
    assert _values(place)[ATTEMPTS] == _values(place)[OBSERVED] == 7
    third = _counting(place, 5)
    assert _values(place)[ATTEMPTS] == _values(place)[OBSERVED] == 12
    third.kill()
    third.wait()
    metrics.sweep(place.var / "metrics")
    metrics.sweep(place.var / "metrics")

    assert _values(place)[ATTEMPTS] == _values(place)[OBSERVED] == 12
    assert _files(place) == ["counter_dead.db", "histogram_dead.db"]


def test_a_sweep_leaves_the_living_alone(place: Place) -> None:
    process = _counting(place, 2)
    metrics.sweep(place.var / "metrics")

    assert f"counter_{process.pid}.db" in _files(place)
    assert _values(place)[ATTEMPTS] == 2
    assert ("llm_model_success_rate", ("small",)) in _values(place)


def test_a_sweep_that_was_killed_is_finished_not_repeated(place: Place) -> None:
    before, after = place.var / "metrics", place.var / "after"
    for amount in (3, 4):
        process = _counting(place, amount)
        process.kill()
        process.wait()
    absorbed = sorted(path.name for path in before.glob("counter_*.db"))
    plan = {"draft": "counter_dead.draft", "total": "counter_dead.db", "absorbed": absorbed}
    shutil.copytree(before, after)
    metrics.sweep(after)
    for stage in ("planned", "replaced", "half removed"):
        # What the disk holds when the last steps have been taken so far.
        killed = shutil.copytree(before, place.var / stage)
        shutil.copy(after / plan["total"], killed / plan["draft" if stage == "planned" else "total"])
        (killed / "sweep.json").write_text(json.dumps(plan))
        if stage == "half removed":
            (killed / absorbed[0]).unlink()

        assert _values(place, stage)[ATTEMPTS] == 7
        assert not (killed / "sweep.json").exists()


def test_what_was_shipped_is_counted(database: Place) -> None:
    told = stories(300)
    journal(database.spool, told)
    database.run("manage.py", "ship", "--once")
    found = _values(database)
    status = [
        sum(value for (name, labels), value in found.items() if name == "llm_requests_total" and labels[3] == one)
        for one in ("answered", "failed", "rejected")
    ]
    costs = sum(value for (name, _), value in found.items() if name == "llm_cost_usd_total")

    assert status == [sum(one.status == name for one in told) for name in ("answered", "failed", "rejected")]
    assert costs == pytest.approx(sum(one.cost_nano_usd or 0 for one in told) / 1e9)
    assert _sum(found, "llm_attempts_total") == sum(len(one.attempts) for one in told)
    assert _sum(found, "llm_unpriced_requests_total") == sum(
        one.provider is not None and one.cost_nano_usd is None for one in told
    )
    assert _sum(found, "llm_requests_duration_seconds_count") == status[0]
    assert _sum(found, "llm_overhead_seconds_count") == status[0]
    assert _sum(found, "llm_journal_backlog_rows") == 0


def test_failovers_of_all_that_may_be_a_first_choice_are_exported_before_the_first(database: Place) -> None:
    database.run("manage.py", "migrate", "-v0", "providers")
    database.run("manage.py", "shell", "-c", NO_FAILOVER_YET)
    found = _values(database)

    assert {labels for name, labels in found if name == "llm_failover_events_total"} == {("acme/one", "none")}
    assert _sum(found, "llm_failover_events_total") == 0


def test_the_backlog_is_true_without_a_shipper(place: Place) -> None:
    journal(place.spool, stories(9))

    assert _sum(_values(place), "llm_journal_backlog_rows") == 9


def test_the_page_says_what_its_families_are(place: Place) -> None:
    _counting(place, 1)
    page, content_type = metrics.exposition(place.var / "metrics", place.spool)
    families = {family.name: family for family in text_string_to_metric_families(page.decode())}

    assert content_type.startswith("text/plain")
    assert {name: family.type for name, family in families.items() if name.startswith("llm_")}.items() >= {
        "llm_attempts": "counter",
        "llm_requests_duration_seconds": "histogram",
        "llm_model_success_rate": "gauge",
        "llm_journal_backlog_rows": "gauge",
        "llm_journal_disk_free_bytes": "gauge",
    }.items()
    assert all(family.documentation for family in families.values())


def _counting(place: Place, amount: int) -> "subprocess.Popen[str]":
    process = place.start(*PROCESS, str(amount))
    assert process.stdout
    line = process.stdout.readline()
    assert line == "counted\n", line
    return process


def _values(place: Place, directory: str = "metrics") -> dict[tuple[str, tuple[str, ...]], float]:
    page, _ = metrics.exposition(place.var / directory, place.spool)
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def _sum(values: dict[tuple[str, tuple[str, ...]], float], name: str) -> float:
    return sum(value for (sample, _), value in values.items() if sample == name)


def _files(place: Place) -> list[str]:
    return sorted(path.name for path in (place.var / "metrics").glob("*.db"))
