"""Sample traffic is told at other instants: the records move with their sums, and nobody else's change."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from providers.pricebook import PriceBook
from tenants.models import Tenant
from tests.usage.conftest import Place
from tests.usage.stories import NOON, journal, story
from usage import ids, retelling, selectors
from usage.comparing import Comparer
from usage.models import AttemptRecord, RequestRecord
from usage.ranges import TimeRange
from usage.rollups import MINUTE, OF_REQUESTS, Rollup, StateRollup
from usage.selectors import Entities
from usage.shipper import Shipper

THEIRS = 9
NO_PRICES = Comparer(PriceBook())
DAY = timedelta(days=1)
LAST_HOUR = TimeRange.around(NOON - timedelta(hours=1), NOON + timedelta(minutes=1), NOON)
WEEK = TimeRange.around(NOON - 8 * DAY, NOON + timedelta(minutes=1), NOON)


@pytest.fixture
def shipped(database: Place) -> int:
    """Ours, and 60 of a tenant apart; how many attempts these had."""
    Tenant.objects.create(pk=THEIRS, name="demo", demo=True)
    rng = random.Random(7)
    at = [NOON - timedelta(seconds=60 - n) for n in range(60)]
    ours = [story(NOON, rng, tenant_id=1, tenant="team") for _ in range(30)]
    theirs = [story(each, rng, tenant_id=THEIRS, tenant="demo", apart=True) for each in at]
    journal(database.spool, [*ours, *theirs])
    shipper = Shipper(database.spool)
    while shipper.ship_batch():
        pass
    return sum(len(one.attempts) for one in theirs)


def facts(tenant_id: int | None) -> dict[str, Any]:
    whose = Entities(tenant_id)
    return {
        "totals": selectors.totals(WEEK, whose),
        "keys": selectors.by("key", WEEK, whose),
        "deployments": selectors.by("deployment", WEEK, whose),
        "attempts": selectors.attempts(WEEK, tenant_id),
        "flow": selectors.flow(WEEK, tenant_id),
        "tags": {row.value: row.totals for row in selectors.by("tag", WEEK, whose)},
        "total": selectors.percentiles("total", WEEK, "deployment", tenant_id=tenant_id),
    }


def test_records_move_with_their_sums_and_stay_as_they_were_otherwise(shipped: int) -> None:
    before, all_before = facts(THEIRS), facts(None)
    story_before = list(RequestRecord.objects.filter(tenant_id=THEIRS).order_by("id").values("why", "total_ms", "tags"))
    instants = [NOON - 6 * DAY + n * timedelta(hours=2) for n in range(60)]
    told = retelling.retell(THEIRS, instants, NOON, NO_PRICES)

    moved = RequestRecord.objects.filter(tenant_id=THEIRS).order_by("id")
    assert [row.started_at for row in moved] == instants == [_instant(one.id) for one in told]
    assert list(moved.values("why", "total_ms", "tags")) == story_before
    assert AttemptRecord.objects.filter(tenant_id=THEIRS).count() == shipped
    assert facts(THEIRS) == before and facts(None) == all_before
    # Requests and attempts of one day are found on that day, and the last hour has none.
    day = TimeRange.around(NOON - 6 * DAY, NOON - 5 * DAY, NOON)
    assert selectors.totals(day, Entities(THEIRS)).requests == 12
    assert selectors.totals(LAST_HOUR, Entities(THEIRS)).requests == 1 - (instants[-1] < LAST_HOUR.start)
    one = selectors.find(told[0].id, THEIRS)
    assert one is not None and [each.index for each in one.attempts] == [each.index for each in told[0].attempts]


def test_no_minute_sums_are_kept_for_longer_than_others_are(shipped: int) -> None:
    retelling.retell(THEIRS, [NOON - 6 * DAY + n * timedelta(hours=2) for n in range(60)], NOON, NO_PRICES)
    oldest = int((NOON - 3 * DAY).timestamp())
    for table in OF_REQUESTS:
        rows = table._default_manager.filter(tenant_id=THEIRS)
        assert rows.exists() and not rows.filter(grain=MINUTE, bucket__lt=oldest).exists(), table


def test_what_is_forgotten_leaves_nothing_behind_and_the_others_alone(shipped: int) -> None:
    before = facts(None)
    records = RequestRecord.objects.count()
    assert retelling.forget(THEIRS) == 60
    assert RequestRecord.objects.count() == records - 60
    for table in (RequestRecord, AttemptRecord, *OF_REQUESTS):
        assert not table._default_manager.filter(tenant_id=THEIRS).exists(), table
    assert facts(None) == before
    assert AttemptRecord.objects.aggregate(sum=Sum("index"))["sum"]


def test_every_table_of_sums_is_in_the_list_or_of_nobody() -> None:
    assert set(Rollup.__subclasses__()) == {*OF_REQUESTS, StateRollup}


def test_as_many_instants_are_wanted_as_there_are_records(shipped: int) -> None:
    with pytest.raises(ValueError, match="instants: 1 for 60 records"):
        retelling.retell(THEIRS, [NOON], NOON, NO_PRICES)
    assert selectors.totals(LAST_HOUR, Entities(THEIRS)).requests == 60


def _instant(key: str) -> datetime:
    return datetime.fromtimestamp(ids.instant_ms(key) / 1000, UTC)
