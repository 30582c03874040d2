#!/usr/bin/env python3
"""Fill a database with as many records as a big installation has, to see whether its pages stay quick.

    bench/fill.py [--records 10_000_000] [--days 30] [--models 5000] [--keys 2000] [--processes 2]
    DATABASE_URL=postgres://... bench/fill.py      into that database, which it migrates; else SQLite in VAR_DIR

A day of little traffic is made request by request (`bench/crowd.py`). Each hour after it is put together from some of
its hours, told again inside the database (`bench/again.py`): more by day, on weekdays and the later it is. The hour
that has begun is made by itself. So records and sums are those that the shipper would have left, with minute sums of
the last three days only, as retention leaves them, and `bench/recount.py` can tell. Indexes are built at the end. Run
it on a database of its own, which is new: all of it is made up.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ |= {"ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "neuroroute.settings", "SLOW_QUERY_MS": "0"}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from bench import bare  # noqa: E402
from bench.again import Move, forget_minutes, set_apart, tell_again  # noqa: E402
from bench.crowd import tell, watch_day  # noqa: E402
from providers.models import Deployment, LanguageModel, Provider  # noqa: E402
from providers.pricerows import BEGINNING, DeploymentPrice  # noqa: E402
from tenants.models import ClientKey, Tenant  # noqa: E402
from tests.dashboard import traffic  # noqa: E402
from usage import partitions  # noqa: E402
from usage.models import RequestRecord  # noqa: E402
from usage.rollups import MINUTES_KEPT_S, OF_REQUESTS, Rollup  # noqa: E402

TENANTS = 20
PER_PROVIDER = 100
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
FIRST_HOURS: Final = 24  # from which all others are put together
PARTS: Final = 4000  # of so many of them all is made, or nearly: 5 or 6 in an hour of a month
BY_DAY: Final = 1.8  # times as many as by night
AT_WEEKENDS: Final = 0.5  # times as many as on weekdays
GROWTH: Final = 2.0  # times as many at the end as at the beginning
SAY_S: Final = 5


def main() -> None:
    wanted = arguments()
    if connection.vendor == "sqlite":
        wanted.processes = 1  # it has one writer
    call_command("migrate", verbosity=0)
    until = datetime.now(UTC).replace(second=0, microsecond=0)
    plan = Plan(until, wanted.days, wanted.records)
    partitions.ensure_ahead(until, since=plan.since)
    began = time.monotonic()
    configure(wanted.models, wanted.keys)
    print(f"{wanted.models:,} models, {wanted.keys:,} keys in {time.monotonic() - began:.1f} s", flush=True)
    with ProcessPoolExecutor(wanted.processes, get_context("spawn")) as processes:  # a connection is nobody's to share
        Filling(processes, plan).run()
    print(f"{RequestRecord._meta.db_table}: {counted():,} rows in {time.monotonic() - began:.0f} s")


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


class Plan:
    """What is made, and what is told again where: whole days (UTC) before today's, and today's hours until now."""

    def __init__(self, until: datetime, days: int, records: int) -> None:
        self.until, self.hour = until, until.replace(minute=0)
        self.since = until.replace(hour=0, minute=0) - DAY * (days + FIRST_HOURS / 24)
        self.part = max(records // PARTS, 1)
        self.first = [self.since + HOUR * number for number in range(FIRST_HOURS)]
        self.minutes_since = self.hour - timedelta(seconds=MINUTES_KEPT_S - 3600)  # those that are sure to be kept
        start = self.since + HOUR * FIRST_HOURS
        later = [start + HOUR * number for number in range((self.hour - start) // HOUR)]
        self._unit = (records - self.part * FIRST_HOURS) / sum(map(self._weight, later))
        self._later = later

    @property
    def made(self) -> list[tuple[datetime, datetime, int]]:
        """From when until when, and how many requests; the two halves in turns, for hours of one day wait for each
        other at the sums of that day."""
        middle = FIRST_HOURS // 2
        turns = [hour for pair in zip(self.first[:middle], self.first[middle:], strict=True) for hour in pair]
        return [(hour, hour + HOUR, self.part) for hour in turns]

    @property
    def begun(self) -> tuple[datetime, datetime, int]:
        """The hour that is not over."""
        share = (self.until - self.hour) / HOUR
        return self.hour, self.until, round(self._unit * self._weight(self.hour) * share)

    @property
    def days(self) -> list[datetime]:
        """Each of which something is told."""
        return [self.since + DAY * number for number in range((self.until - self.since) // DAY + 1)]

    def again(self) -> Iterator[list[Move]]:
        """Day by day."""
        rng = random.Random(self.part)
        for _, hours in groupby(self._later, key=datetime.date):
            yield [Move(source, hour) for hour in hours for source in rng.sample(self.first, self._parts(hour))]

    def _parts(self, hour: datetime) -> int:
        return min(max(round(self._unit * self._weight(hour) / self.part), 1), FIRST_HOURS)

    def _weight(self, hour: datetime) -> float:
        """How much traffic an hour has, relative to others."""
        of_day = BY_DAY if 8 <= hour.hour < 19 else 1.0
        of_week = AT_WEEKENDS if hour.weekday() >= 5 else 1.0
        return of_day * of_week * GROWTH ** ((hour - self.since) / (self.until - self.since))


class Filling:
    """Has processes do what is planned, and says every few seconds how far they are."""

    def __init__(self, processes: ProcessPoolExecutor, plan: Plan) -> None:
        self._processes, self._plan = processes, plan
        self._began = self._said = time.monotonic()
        self._done = 0

    def run(self) -> None:
        plan = self._plan
        self._do(tell, plan.made)
        self._say("made")
        for table in OF_REQUESTS:
            forget_minutes(table, plan.minutes_since.timestamp())
        set_apart()
        bare.strip()
        self._do(tell_again, [(moves, plan.minutes_since) for moves in plan.again()])
        set_apart(keep=False)
        self._say("with what is told again")
        self._do(bare.make_key, [(table,) for table in bare.unkeyed()])
        self._do(bare.make_index, bare.indexes())
        self._say("indexed")
        self._do(tell, [plan.begun])
        self._do(watch_day, [(day, plan.minutes_since) for day in plan.days])
        if connection.vendor == "postgresql":
            self._do(vacuum, [(table,) for table in tables()])
        analyse()
        self._say("vacuumed and analysed, as autovacuum leaves it")

    def _do(self, task: Callable[..., int | None], each: Iterable[tuple[Any, ...]]) -> None:
        for ended in as_completed([self._processes.submit(task, *one) for one in each]):
            self._done += ended.result() or 0
            if time.monotonic() - self._said >= SAY_S:
                self._say()

    def _say(self, what: str = "") -> None:
        self._said = time.monotonic()
        seconds = self._said - self._began
        print(f"{self._done:,} records in {seconds:,.0f} s: {self._done / seconds:,.0f}/s {what}".rstrip(), flush=True)


def tables() -> list[str]:
    """The large ones."""
    rollups = [table._meta.db_table for table in Rollup.__subclasses__()]
    return [*(part.name for part in partitions.listing()), *rollups]


def vacuum(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM {table}")


def analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


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


if __name__ == "__main__":
    main()
