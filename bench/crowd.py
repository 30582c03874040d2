"""Who sends the traffic that bench/fill.py makes, and how does it get into the database? As the shipper would put it.

The records are sandbox traffic as the tests make it (`tests/dashboard/traffic.py`: failovers, failures, an unpriced
model), told again at other instants for other keys, under tags of their tenants.
"""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate
from typing import Final

from django.db import connection, transaction

from providers.pricebook import PriceBook
from tenants.models import ClientKey
from tests.dashboard import traffic
from usage import states, store
from usage.comparing import Comparer
from usage.fold import fold, spread
from usage.models import AttemptRecord, RequestRecord
from usage.outcomes import Outcome
from usage.rollups import DAY, MINUTE, StateRollup
from usage.rows import ATTEMPT_COLUMNS, REQUEST_COLUMNS, attempt_rows, request_row
from usage.tagcap import MOST_TAGS

SHAPES: Final = 3000  # different stories that are told again and again
TAGGINGS: Final = 500  # of each tenant: which tags a request has
MORE_TAGS: Final = 10  # than the tenant before
SPRAWLING: Final = MOST_TAGS  # the last tenant's
RESTS_A_DAY: Final = 3  # of each deployment that may rest
LONGEST_REST: Final = 45  # minutes


def tell(start: datetime, end: datetime, count: int) -> int:
    """So many requests of one hour; one transaction, so that each sum is written once. Returns how many."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
    ship(crowd().told(start, end, count))
    return count


def watch_day(day: datetime, minutes_since: datetime) -> None:
    """The minutes of this day until now in which somebody looked, and those in which a deployment rested."""
    rng, first = random.Random(day.timestamp()), int(day.timestamp())
    minutes = range(first, min(first + DAY, int(datetime.now(UTC).timestamp())), MINUTE)
    seen: list[states.Seen] = [(minute, states.NO_DEPLOYMENT, states.WATCHED) for minute in minutes]
    for name in traffic.NAMES[2:]:
        for _ in range(RESTS_A_DAY):
            start, length = rng.randrange(len(minutes)), rng.randint(1, LONGEST_REST)
            state = rng.choice(("open", "cooldown", "half_open"))
            seen += [(minute, name, state) for minute in minutes[start : start + length]]
    states.record(seen)
    StateRollup.objects.filter(grain=MINUTE, bucket__lt=minutes_since.timestamp()).delete()


def ship(outcomes: Iterable[Outcome]) -> None:
    """What `usage.shipper` does with new rows, without its spool."""
    requests: list[tuple] = []
    attempts: list[tuple] = []
    folded = fold(_noted(outcomes, requests, attempts), comparer())
    with transaction.atomic():
        store.insert(RequestRecord, REQUEST_COLUMNS, requests)
        store.insert(AttemptRecord, ATTEMPT_COLUMNS, attempts)
        for table, cells in folded.items():
            store.add(table, spread(table, cells))


def _noted(outcomes: Iterable[Outcome], requests: list[tuple], attempts: list[tuple]) -> Iterator[Outcome]:
    for outcome in outcomes:
        requests.append(request_row(outcome))
        attempts.extend(attempt_rows(outcome))
        yield outcome


@cache
def comparer() -> Comparer:
    prices = PriceBook()
    prices.refresh()
    return Comparer(prices)


@cache
def crowd() -> "Crowd":
    return Crowd(random.Random(7))


class Crowd:
    """Tells the same stories at other instants for other keys; each outcome is good until the next is asked for."""

    def __init__(self, rng: random.Random) -> None:
        self._shapes = [traffic.outcome(datetime.now(UTC), rng) for _ in range(SHAPES)]
        self._keys = list(ClientKey.objects.order_by("id").values_list("tenant_id", "tenant__name", "id", "prefix"))
        rng.shuffle(self._keys)
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(len(self._keys))))  # Zipf's law
        tenants = sorted({tenant for tenant, *_ in self._keys})
        sizes = [MORE_TAGS * (place + 1) for place in range(len(tenants) - 1)] + [SPRAWLING]
        self._taggings = {tenant: list(_taggings(size, rng)) for tenant, size in zip(tenants, sizes, strict=True)}

    def told(self, start: datetime, end: datetime, count: int) -> Iterator[Outcome]:
        rng = random.Random(start.timestamp())
        instants = sorted(rng.uniform(start.timestamp(), end.timestamp()) for _ in range(count))
        callers = rng.choices(self._keys, cum_weights=self._weights, k=count)
        shapes = rng.choices(self._shapes, k=count)
        for instant, caller, outcome in zip(instants, callers, shapes, strict=True):
            outcome.id = traffic.request_id(datetime.fromtimestamp(instant, UTC), rng)
            outcome.started_us = int(instant * 1e6)
            outcome.tenant_id, outcome.tenant, outcome.key_id, outcome.key_prefix = caller
            outcome.tags = rng.choice(self._taggings[outcome.tenant_id])
            yield outcome


def _taggings(size: int, rng: random.Random) -> Iterator[list[str]]:
    """Which tags requests of a tenant with so many of them have: none, one or two, some far more often than others."""
    tags = ["batch", *(f"job-{number:03}" for number in range(1, size))]
    weights = list(accumulate(1 / (rank + 1) for rank in range(size)))
    for _ in range(TAGGINGS):
        drawn = rng.choices(tags, cum_weights=weights, k=rng.choice((0, 0, 1, 1, 2)))
        yield list(dict.fromkeys(drawn))
