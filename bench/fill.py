#!/usr/bin/env python3
"""Fill a database with as many records as a big installation has, to see whether its pages stay quick.

    bench/fill.py [--records 10_000_000] [--days 30] [--models 5000] [--keys 2000] [--processes 2]
    DATABASE_URL=postgres://... bench/fill.py      into that database, which it migrates; else SQLite in VAR_DIR

The records are sandbox traffic as the tests make it (`tests/dashboard/traffic.py`: failovers, failures, an unpriced
model), told again at other instants for other keys. They go in as the shipper puts them in: the same rows, the same
sums from the same fold, the minute sums of the last three days only, as retention leaves them. Several processes write
a share of the days each. Run it on a database of its own: all of it is made up.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ |= {"ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "neuroroute.settings"}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from providers.models import Deployment, LanguageModel, Provider  # noqa: E402
from providers.pricebook import PriceBook  # noqa: E402
from providers.pricerows import BEGINNING, DeploymentPrice  # noqa: E402
from tenants.models import ClientKey, Tenant  # noqa: E402
from tests.dashboard import traffic  # noqa: E402
from usage import partitions, store  # noqa: E402
from usage.comparing import Comparer  # noqa: E402
from usage.fold import fold, spread  # noqa: E402
from usage.models import AttemptRecord, RequestRecord  # noqa: E402
from usage.outcomes import Outcome  # noqa: E402
from usage.rollups import MINUTE, MINUTES_KEPT_S  # noqa: E402
from usage.rows import ATTEMPT_COLUMNS, REQUEST_COLUMNS, attempt_rows, request_row  # noqa: E402

TENANTS = 20
SHAPES = 3000  # different stories that are told again and again
STEP_S = 3600  # one transaction each: cells of the rollups are then written once
PER_PROVIDER = 100


def main() -> None:
    wanted = arguments()
    if connection.vendor == "sqlite" and wanted.processes > 1:
        wanted.processes = 1  # it has one writer
    call_command("migrate", verbosity=0)
    until = datetime.now(UTC).replace(second=0, microsecond=0)
    since = until - timedelta(days=wanted.days)
    partitions.ensure_ahead(until, since=since)
    began = time.monotonic()
    configure(wanted.models, wanted.keys)
    print(f"{wanted.models:,} models, {wanted.keys:,} keys in {time.monotonic() - began:.1f} s", flush=True)
    records(wanted, since, until)
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")  # as autovacuum leaves it
    print(
        f"vacuumed and analysed in {time.monotonic() - began:.0f} s; {RequestRecord._meta.db_table} {counted():,} rows"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--models", type=int, default=5000)
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def counted() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {RequestRecord._meta.db_table}")
        return int(cursor.fetchone()[0])


def configure(models: int, keys: int) -> None:
    """What the records name, and as much more as a list of it must stand."""
    tenants = [Tenant(name=name) for name in ("demo", "team-a", *(f"team-{n:02}" for n in range(TENANTS - 2)))]
    Tenant.objects.bulk_create(tenants, ignore_conflicts=True)
    names = dict(Tenant.objects.values_list("name", "id"))
    owners = [names[tenant.name] for tenant in tenants]
    ClientKey.objects.bulk_create(
        [
            ClientKey(tenant_id=owners[n % TENANTS], name=f"key-{n}", prefix=f"nr-{n:08}", digest=f"{n:064x}")
            for n in range(keys)
        ],
        ignore_conflicts=True,
    )
    for provider, model in [name.split("/") for name in traffic.NAMES]:
        deploy(provider, [model])
    for first in range(0, models - len(traffic.NAMES), PER_PROVIDER):
        last = min(first + PER_PROVIDER, models - len(traffic.NAMES))
        deploy(f"provider-{first // PER_PROVIDER:03}", [f"model-{n:05}" for n in range(first, last)])


def deploy(provider: str, models: list[str]) -> None:
    home, _ = Provider.objects.get_or_create(
        name=provider, defaults={"wire": "openai", "base_url": "http://127.0.0.1:9/v1", "allow_private": True}
    )
    LanguageModel.objects.bulk_create([LanguageModel(name=name) for name in models], ignore_conflicts=True)
    there = LanguageModel.objects.filter(name__in=models)
    Deployment.objects.bulk_create(
        [Deployment(provider=home, model=model, upstream_model=model.name, context=128_000) for model in there],
        ignore_conflicts=True,
    )
    made = Deployment.objects.filter(provider=home, prices=None).exclude(model__name="sandbox-unpriced")
    price = {"effective_from": BEGINNING, "input": "0.15", "output": "0.6"}
    DeploymentPrice.objects.bulk_create([DeploymentPrice(deployment=each, **price) for each in made])


def records(wanted: argparse.Namespace, since: datetime, until: datetime) -> None:
    """Start the processes, and say every few seconds how far they are."""
    processes = get_context("spawn")  # a connection is nobody's to share
    done, share = processes.Value("q", 0), (until - since) / wanted.processes
    starts = [since + share * n for n in range(wanted.processes)]
    workers = [
        processes.Process(target=write, args=(start, start + share, wanted.records // wanted.processes, until, done))
        for start in starts
    ]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        time.sleep(5)
        tell(done.value, wanted.records, time.monotonic() - began)
    if any(worker.exitcode for worker in workers):
        sys.exit("a process failed; drop the database and begin again")


def tell(done: int, wanted: int, seconds: float) -> None:
    left = f", {(wanted - done) * seconds / done:,.0f} s left" if done else ""
    print(f"{done:,} records in {seconds:,.0f} s: {done / seconds:,.0f}/s{left}", flush=True)


def write(start: datetime, end: datetime, count: int, until: datetime, done: Any) -> None:
    """A share of the records, hour by hour, more of them by day than by night."""
    rng, prices = random.Random(start.timestamp()), PriceBook()
    prices.refresh()
    comparer = Comparer(prices.price)
    crowd = Crowd(rng)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
    hours = [start + timedelta(seconds=STEP_S) * n for n in range(round((end - start).total_seconds() / STEP_S))]
    weights = list(accumulate(1 + 0.8 * (8 <= hour.hour < 19) for hour in hours))
    written = 0
    for hour, weight in zip(hours, weights, strict=True):
        upto = round(count * weight / weights[-1])
        ship(crowd.told(hour, upto - written), comparer, until)
        with done.get_lock():
            done.value += upto - written
        written = upto


class Crowd:
    """Tells the same stories at other instants for other keys; each outcome is good until the next is asked for."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._shapes = [traffic.outcome(datetime.now(UTC), rng) for _ in range(SHAPES)]
        self._keys = list(ClientKey.objects.order_by("id").values_list("tenant_id", "tenant__name", "id", "prefix"))
        rng.shuffle(self._keys)
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(len(self._keys))))  # Zipf's law

    def told(self, hour: datetime, count: int) -> Iterator[Outcome]:
        first = hour.timestamp()
        instants = sorted(self._rng.uniform(first, first + STEP_S) for _ in range(count))
        callers = self._rng.choices(self._keys, cum_weights=self._weights, k=count)
        shapes = self._rng.choices(self._shapes, k=count)
        for instant, caller, outcome in zip(instants, callers, shapes, strict=True):
            outcome.id = traffic.request_id(datetime.fromtimestamp(instant, UTC), self._rng)
            outcome.started_us = int(instant * 1e6)
            outcome.tenant_id, outcome.tenant, outcome.key_id, outcome.key_prefix = caller
            yield outcome


def ship(outcomes: Iterable[Outcome], comparer: Comparer, until: datetime) -> None:
    """What `usage.shipper` does with new rows, without its spool."""
    requests: list[tuple] = []
    attempts: list[tuple] = []
    folded = fold(noted(outcomes, requests, attempts), comparer)
    oldest_minute = until.timestamp() - MINUTES_KEPT_S
    with transaction.atomic():
        store.insert(RequestRecord, REQUEST_COLUMNS, requests)
        store.insert(AttemptRecord, ATTEMPT_COLUMNS, attempts)
        for table, cells in folded.items():
            sums = spread(table, cells)
            kept = {key: row for key, row in sums.items() if key[1] != MINUTE or int(key[2]) >= oldest_minute}
            store.add(table, kept)


def noted(outcomes: Iterable[Outcome], requests: list[tuple], attempts: list[tuple]) -> Iterator[Outcome]:
    for outcome in outcomes:
        requests.append(request_row(outcome))
        attempts.extend(attempt_rows(outcome))
        yield outcome


if __name__ == "__main__":
    main()
