#!/usr/bin/env python3
"""What do the journal and the shipper cost? Microseconds per write, rows per second, CPU per row, CPU when idle.

    bench/journal.py                                     on SQLite in a temporary directory
    DATABASE_URL=postgres://... bench/journal.py         on that database, whose usage tables are filled

The outcomes are of the usual size (2 kB of JSON: three candidates, one attempt), from ten tenants over six deployments.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROWS = 20_000
SMALL_BATCH = 20  # what a quarter of a second brings at 80 requests per second
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
DIRECTORY = Path(tempfile.mkdtemp(prefix="neuroroute-bench-"))
os.environ |= {"VAR_DIR": str(DIRECTORY), "ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "neuroroute.settings"}

import django  # noqa: E402

django.setup()

import uuid_utils  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from msgspec import Raw  # noqa: E402

from providers.models import Deployment, LanguageModel, Provider  # noqa: E402
from providers.pricerows import BEGINNING, DeploymentPrice  # noqa: E402
from usage.journal import Journal  # noqa: E402
from usage.outcomes import AttemptOutcome, Outcome  # noqa: E402
from usage.shipper import Shipper  # noqa: E402

DECISION = Raw(
    json.dumps(
        {
            "policy": "balanced",
            "kind": "weighted",
            "version": 1,
            "weights": {"cost": 30, "latency": 40, "uptime": 30},
            "candidates": [
                {
                    "deployment": f"provider-{rank}/model-{rank}",
                    "score": 0.83,
                    "parts": {"cost": 0.9, "latency": 0.7, "uptime": 1.0},
                    "expected_cost_nano_usd": [1200, 3400],
                    "ttft_ms": 120.0,
                    "rank": rank,
                }
                for rank in range(3)
            ],
            "excluded": [{"deployment": "p/m", "rule": "context", "detail": "context 8,192 < 11,400 needed"}],
        }
    ).encode()
)


def main() -> None:
    for app in ("providers", "usage", "tenants"):  # prices are read, and settling looks into budgets
        call_command("migrate", app, verbosity=0)
    price()
    outcomes = [outcome(number) for number in range(ROWS)]
    write(outcomes)
    shipper = Shipper(DIRECTORY / "spool")
    ship(shipper)
    idle(shipper)
    trickle(shipper)
    shutil.rmtree(DIRECTORY)


def price() -> None:
    """Give those who were weighed, and those who served, prices to compare."""
    for number in range(6):
        provider, _ = Provider.objects.get_or_create(name=f"provider-{number % 3}", base_url="http://127.0.0.1:9/v1")
        model = LanguageModel.objects.create(name=f"model-{number}")
        deployment = Deployment.objects.create(provider=provider, model=model, upstream_model=model.name)
        DeploymentPrice.objects.create(
            deployment=deployment, effective_from=BEGINNING, input=1 + number, output=9 - number
        )


def write(outcomes: list[Outcome]) -> None:
    journal, taken = Journal(DIRECTORY / "spool", "bench"), []
    for one in outcomes:
        begun = time.perf_counter()
        journal.write(one)
        taken.append(time.perf_counter() - begun)
    journal.close()
    taken.sort()
    mean, half, most = (value * 1e6 for value in (sum(taken) / ROWS, taken[ROWS // 2], taken[ROWS * 99 // 100]))
    print(f"journal.write: {half:.1f} us median, {mean:.1f} us mean, {most:.0f} us p99")


def ship(shipper: Shipper) -> None:
    begun, used, shipped = time.perf_counter(), time.process_time(), 0
    while batch := shipper.ship_batch():
        shipped += batch
    wall, cpu = time.perf_counter() - begun, time.process_time() - used
    print(f"ship to {connection.vendor}: {shipped / wall:,.0f} rows/s, {cpu / shipped * 1e6:.1f} us CPU per row")


def idle(shipper: Shipper) -> None:
    journal = Journal(DIRECTORY / "spool", "idle")
    used = time.process_time()
    for _ in range(200):
        shipper.ship_batch()
    print(f"a look at an idle spool: {(time.process_time() - used) / 200 * 1e6:.0f} us CPU")
    journal.close()


def trickle(shipper: Shipper) -> None:
    journal, cpu = Journal(DIRECTORY / "spool", "trickle"), 0.0
    for round_ in range(30):
        for number in range(SMALL_BATCH):
            journal.write(outcome(round_ * SMALL_BATCH + number))
        used = time.process_time()
        shipper.ship_batch()
        cpu += time.process_time() - used
    journal.close()
    print(f"a batch of {SMALL_BATCH}: {cpu / 30 * 1e3:.1f} ms CPU, {cpu / 30 / SMALL_BATCH * 1e6:.0f} us per row")


def attempt_of(number: int) -> AttemptOutcome:
    deployment = number % 6
    provider, model = f"provider-{deployment % 3}", f"model-{deployment}"
    wait = 100 + number % 97
    return AttemptOutcome(
        index=1,
        deployment_id=deployment,
        deployment=f"{provider}/{model}",
        provider=provider,
        model=model,
        started_ms=0.2,
        first_byte_ms=wait - 8.0,
        first_token_ms=wait + 0.2,
        ended_ms=wait + 700.0,
        status="answered",
        committed=True,
        credential="abcd",
        served_model=model,
        finish_reason="stop",
        prompt_tokens=24,
        completion_tokens=11,
        cost_nano_usd=10_200,
    )


def outcome(number: int) -> Outcome:
    attempt = attempt_of(number)
    return Outcome(
        id=uuid_utils.uuid7().hex,
        started_us=time.time_ns() // 1000,
        tenant_id=1 + number % 10,
        tenant="team-a",
        key_id=1 + number % 20,
        key_prefix="nr-abcdefgh",
        stream=bool(number % 2),
        status="answered",
        asked_model="auto",
        policy="balanced",
        policy_version=1,
        deployment_id=attempt.deployment_id,
        provider=attempt.provider,
        model=attempt.model,
        served_model=attempt.model,
        first_choice=attempt.deployment,
        why="best score 0.83 under balanced, mostly for cost; 3 of 4 candidates eligible",
        attempts_count=1,
        category="chat",
        complexity=0.2,
        modality="text",
        finish_reason="stop",
        estimated_prompt_tokens=24,
        prompt_tokens=24,
        completion_tokens=11,
        forecast_low_nano_usd=1200,
        forecast_high_nano_usd=3400,
        cost_nano_usd=10_200,
        overhead_ms=0.31,
        ttft_ms=attempt.first_token_ms,
        total_ms=attempt.ended_ms + 0.1,
        features=Raw(b'{"category":"chat","complexity":0.2,"modality":"text","prompt_tokens":24,"output_tokens":200}'),
        decision=DECISION,
        attempts=[attempt],
    )


if __name__ == "__main__":
    main()
