"""What counts for its own tenant alone is in none of the sums of all."""

import random
from datetime import timedelta

from tenants.models import Tenant
from tests.usage.conftest import Place
from tests.usage.stories import NOON, journal, story
from usage import selectors
from usage.ranges import TimeRange
from usage.selectors import Entities, RequestFilter
from usage.selectors.prompts import prompt_pairs
from usage.selectors.sanity import money_sanity
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


def test_no_list_and_no_finding_about_several_has_it_in_it(database: Place) -> None:
    rng = random.Random(7)
    apart = Tenant.objects.create(name="demo", demo=True)
    rows: dict[str, object] = {"tenant_id": apart.pk, "tenant": apart.name, "apart": True, "key_id": 77}
    rows |= {"status": "answered", "provider": "theirs", "model": "m", "cost_nano_usd": None, "prompt_tokens": 9}
    journal(database.spool, [story(NOON, rng, **rows) for _ in range(60)])
    shipper = Shipper(database.spool)
    while shipper.ship_batch():
        pass

    named, several = RequestFilter(tenant_id=apart.pk), frozenset({apart.pk, apart.pk + 1})
    for whose in (RequestFilter(), RequestFilter(tenant_id=several), RequestFilter(provider="theirs")):
        assert selectors.page(HOUR, whose).rows == [] and selectors.tops(HOUR, whose, "total").rows == []
    assert len(selectors.page(HOUR, named).rows) == 50
    assert len(selectors.page(HOUR, RequestFilter(key_id=77)).rows) == 50  # a key is one tenant's
    for dimension in ("tenant", "key"):
        assert selectors.by(dimension, HOUR) == []
        assert selectors.by(dimension, HOUR, Entities(several)) == []
        assert selectors.by(dimension, HOUR, Entities(apart.pk))[0].totals.requests == 60
        value = apart.pk if dimension == "tenant" else 77
        assert selectors.series_by(dimension, [HOUR], only={value})[value][0].requests == 60
    assert selectors.percentiles("total", HOUR, "tenant") == []
    assert selectors.last_attempts(HOUR) == [] and money_sanity(HOUR) == [] and prompt_pairs("m", HOUR, 9) == []
    assert selectors.nearest(HOUR) is None is selectors.nearest(HOUR, several)
    assert selectors.nearest(HOUR, apart.pk) is not None
