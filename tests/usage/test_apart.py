"""What counts for its own tenant alone is in none of the sums of all."""

import random
from datetime import timedelta

from tests.usage.conftest import Place
from tests.usage.stories import NOON, journal, story
from usage import selectors
from usage.ranges import TimeRange
from usage.selectors import Entities
from usage.shipper import Shipper

HOUR = TimeRange.around(NOON - timedelta(hours=1), NOON + timedelta(minutes=1), NOON)


def test_a_tenant_apart_is_not_among_all(database: Place) -> None:
    rng = random.Random(7)
    same = {"status": "answered"}
    ours = [story(NOON, rng, tenant_id=1, tenant="team", **same) for _ in range(30)]
    theirs = [story(NOON, rng, tenant_id=9, tenant="drill", apart=True, **same) for _ in range(50)]
    journal(database.spool, [*ours, *theirs])
    shipper = Shipper(database.spool)
    while shipper.ship_batch():
        pass

    assert selectors.totals(HOUR).requests == 30
    assert selectors.totals(HOUR, Entities(tenant_id=9)).requests == 50
    assert sum(one.attempts for one in selectors.attempts(HOUR)) == sum(len(one.attempts) for one in ours)
    assert sum(one.attempts for one in selectors.attempts(HOUR, 9)) == sum(len(one.attempts) for one in theirs)
    assert sum(one.requests for one in selectors.flow(HOUR)) == sum(one.first_choice is not None for one in ours)
    counted = {metric: sum(one.n for one in selectors.percentiles(metric, HOUR)) for metric in ("total", "overhead")}
    assert counted == {"total": 30, "overhead": 30}
    assert selectors.find(theirs[0].id, 9) is not None
