"""What bench/fill.py tells again inside a database adds up as the shipper left it, and bench/recount.py can tell."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from bench.again import Move, forget_minutes, set_apart, tell_again
from bench.recount import differences, uneven_days
from providers.pricebook import PriceBook
from tests.usage.conftest import Place
from tests.usage.shipping import ship
from tests.usage.stories import NOON, journal, stories
from usage import ids
from usage.comparing import Comparer
from usage.models import AttemptRecord, RequestRecord
from usage.rollups import DAY, HOUR, MINUTE, OF_REQUESTS, Rollup, TagRollup

NO_PRICES = Comparer(PriceBook())
FIRST, SECOND = NOON - timedelta(hours=2), NOON - timedelta(hours=1)
TARGET = NOON - timedelta(days=3)
LATER = TARGET + timedelta(hours=1)
MOVES = [Move(FIRST, TARGET), Move(SECOND, TARGET), Move(SECOND, LATER)]


@pytest.fixture
def told(database: Place) -> Place:
    """Two hours of requests, both told again in the first hour and the second of them in the next of another day."""
    journal(database.spool, stories(300, hours=2))
    ship(database.spool)
    set_apart()
    tell_again(MOVES, minutes_since=LATER)
    set_apart(keep=False)
    return database


def seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def found(hour: datetime) -> list[RequestRecord]:
    low, high = (ids.first_id(seconds(at) * 1000) for at in (hour, hour + timedelta(hours=1)))
    return list(RequestRecord.objects.filter(id__gte=low, id__lt=high).order_by("id"))


def minutes(table: type[Rollup]) -> set[datetime]:
    buckets = table._default_manager.filter(grain=MINUTE).values_list("bucket", flat=True).distinct()
    return {datetime.fromtimestamp(bucket // HOUR * HOUR, UTC) for bucket in buckets}


def test_requests_and_attempts_are_moved_by_whole_hours_under_ids_of_their_own(told: Place) -> None:
    first, second = found(FIRST), found(SECOND)
    assert len(first) > 50 and len(second) > 50
    assert len(found(TARGET)) == len(first) + len(second)
    moved = {one.id.hex[12:]: one for one in found(LATER)}
    assert moved.keys() == {one.id.hex[12:] for one in second}
    for one in second:
        again, shift_ms = moved[one.id.hex[12:]], seconds(LATER) * 1000 - seconds(SECOND) * 1000
        assert ids.instant_ms(again.id.hex) == ids.instant_ms(one.id.hex) + shift_ms
        assert (again.started_us, again.total_ms) == (one.started_us + shift_ms * 1000, one.total_ms)
        attempts = AttemptRecord.objects.filter(request_id=again.id).values_list("id", flat=True)
        assert {key.hex for key in attempts} == {
            ids.attempt_id(again.id.hex, index) for index in range(1, one.attempts_count + 1)
        }


def test_the_sums_of_what_is_told_again_are_those_of_its_records(told: Place) -> None:
    for hour in (FIRST, SECOND, TARGET, LATER):
        assert differences(seconds(hour), NO_PRICES) == []
    assert [text for table in OF_REQUESTS for text in uneven_days(table)] == []


def test_minutes_are_told_again_as_far_back_as_they_are_kept(told: Place) -> None:
    for table in OF_REQUESTS:
        assert minutes(table) == {FIRST, SECOND, LATER}
        forget_minutes(table, seconds(SECOND))
        assert minutes(table) == {SECOND}


def test_a_sum_that_is_wrong_is_found(told: Place) -> None:
    TagRollup.objects.filter(grain=HOUR, bucket=seconds(LATER), tag="").update(failovers=F("failovers") + 1)
    assert differences(seconds(TARGET), NO_PRICES) == []
    (said,) = differences(seconds(LATER), NO_PRICES)
    assert said.startswith(f"TagRollup at {seconds(LATER)}: 3 of ")  # one of each tenant
    (said,) = uneven_days(TagRollup)
    assert said == f"TagRollup: 1 days are not the sum of their hours, the first {seconds(TARGET) // DAY}"
