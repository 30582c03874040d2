#!/usr/bin/env python3
"""Do records and sums agree? Some hours are added up anew from their records and held against what is kept.

    DATABASE_URL=postgres://... bench/recount.py [--hours 4]

The hours are drawn from those with sums, the first and the last among them; every table, every row, every figure. Then
the hours of each day are held against the day. Says what differs and ends with 1 where anything does.
"""

import argparse
import os
import random
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import django  # noqa: E402

if __name__ == "__main__":
    os.environ |= {"ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "neuroroute.settings"}
    django.setup()

from django.db import connection  # noqa: E402

from bench.again import columns  # noqa: E402
from providers.pricebook import PriceBook  # noqa: E402
from usage.comparing import Comparer  # noqa: E402
from usage.fold import Cells, Key, fold, spread  # noqa: E402
from usage.models import AttemptRecord, RequestRecord  # noqa: E402
from usage.ranges import TimeRange  # noqa: E402
from usage.rollups import DAY, HOUR, OF_REQUESTS, QUARTER, RequestRollup, Rollup, TagRollup  # noqa: E402
from usage.rows import outcome_of  # noqa: E402
from usage.tagcap import TagCap  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=4)
    wanted = parser.parse_args()
    prices = PriceBook()
    prices.refresh()
    found = list(RequestRollup.objects.filter(grain=HOUR).values_list("bucket", flat=True).distinct())
    drawn = {min(found), max(found), *random.sample(found, min(max(wanted.hours - 2, 0), len(found)))}
    wrong = [text for hour in sorted(drawn) for text in differences(hour, Comparer(prices))]
    wrong += [text for table in OF_REQUESTS for text in uneven_days(table)]
    print("\n".join(wrong) or f"{len(drawn)} hours agree with their records, and all days with their hours")
    sys.exit(bool(wrong))


def differences(hour: int, comparer: Comparer) -> list[str]:
    """What an hour's records add up to and its sums say otherwise; `hour` in seconds since the epoch."""
    period = TimeRange.of(hour, hour + HOUR)
    low, high = period.id_bounds
    attempts = defaultdict(list)
    for attempt in AttemptRecord.objects.filter(id__gte=low, id__lt=high).order_by("request_id", "index"):
        attempts[attempt.request_id].append(attempt)
    records = RequestRecord.objects.filter(id__gte=low, id__lt=high).order_by("id")
    folded = fold((outcome_of(one, attempts[one.id]) for one in records.iterator()), comparer)
    folded[TagRollup] = TagCap().capped(folded[TagRollup])
    return [text for table in OF_REQUESTS for text in _of_table(table, hour, spread(table, folded[table]))]


def _of_table(table: type[Rollup], hour: int, cells: Cells) -> list[str]:
    told = {key: tuple(sums) for key, sums in cells.items() if key[1] in (QUARTER, HOUR)}
    kept = _kept(table, hour)
    odd = [key for key in told.keys() | kept.keys() if told.get(key) != kept.get(key)]
    first = "".join(f"; {key}: {told.get(key)}, kept {kept.get(key)}" for key in odd[:1])
    return [f"{table.__name__} at {hour}: {len(odd)} of {len(told)} rows differ{first}"] if odd else []


def _kept(table: type[Rollup], hour: int) -> dict[Key, tuple[Any, ...]]:
    keys, sums = columns(table)
    rows = table._default_manager.filter(grain__in=(QUARTER, HOUR), bucket__gte=hour, bucket__lt=hour + HOUR)
    return {tuple(row[: len(keys)]): tuple(row[len(keys) :]) for row in rows.values_list(*keys, *sums)}


def uneven_days(table: type[Rollup]) -> list[str]:
    """Days whose sums, all rows of the table together, are not those of their hours."""
    _, sums = columns(table)
    totals = ", ".join(f"SUM({column})" for column in sums)
    found = {}
    with connection.cursor() as cursor:
        for grain in (HOUR, DAY):
            cursor.execute(
                f"SELECT bucket / {DAY}, {totals} FROM {table._meta.db_table} WHERE grain = {grain} GROUP BY 1"
            )
            found[grain] = {day: sums for day, *sums in cursor.fetchall()}
    odd = sorted(day for day in found[HOUR].keys() | found[DAY].keys() if found[HOUR].get(day) != found[DAY].get(day))
    return [f"{table.__name__}: {len(odd)} days are not the sum of their hours, the first {odd[0]}"] if odd else []


if __name__ == "__main__":
    main()
