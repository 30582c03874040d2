"""What was said: shipped once into a table of its own, read by its own tenant's setting, deleted to the day."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from tenants.models import Tenant
from usage import partitions, retention, selectors
from usage.bodies import RequestBody, body_of
from usage.outcomes import Kept, Outcome
from usage.shipper import Shipper

from .conftest import Place
from .shipping import ship
from .stories import journal, stories

NOW = datetime(2027, 7, 20, 12, tzinfo=UTC)
SAID = Kept(b'{"messages": []}', b'{"choices": []}')
KEEP = timedelta(days=90)


def kept(tenant: Tenant, days_ago: float) -> Outcome:
    partitions.ensure_ahead(NOW, since=NOW - KEEP)
    (told,) = stories(1, end=NOW - timedelta(days=days_ago), hours=0)
    return msgspec.structs.replace(told, tenant_id=tenant.pk, kept=SAID)


def read(told: Outcome, days: int, place: Place, tenant_id: int | None = None) -> Kept | None:
    return body_of(UUID(told.id), tenant_id or told.tenant_id, days, NOW, place.spool)


def test_it_is_read_while_it_waits_and_when_it_is_shipped_by_its_own_tenant_alone(database: Place) -> None:
    told = kept(Tenant.objects.create(name="team-a", keep_bodies_days=7), 2)
    journal(database.spool, [told])
    for _ in ("waiting", "shipped"):
        assert read(told, 7, database) == SAID
        assert read(told, 1, database) is None  # the setting of today counts
        assert read(told, 7, database, tenant_id=told.tenant_id + 1) is None
        found = selectors.find(told.id, told.tenant_id, database.spool)
        assert found is not None and found.kept is None  # it is no part of the record
        ship(database.spool)
    journal(database.spool, [told])  # shipped again, it is there once
    ship(database.spool)
    assert RequestBody.objects.count() == 1


def test_it_goes_by_its_tenants_setting_and_at_once_where_nothing_is_kept_any_more(database: Place) -> None:
    long, short, none = (Tenant.objects.create(name=f"t-{n}", keep_bodies_days=n) for n in (30, 3, 0))
    stays = [kept(long, 20), kept(short, 2)]
    goes = [kept(long, 31), kept(short, 4), kept(none, 0.1)]
    journal(database.spool, stays + goes)
    ship(database.spool)
    assert retention.prune(NOW, KEEP).bodies == 3
    assert {row.pk.hex for row in RequestBody.objects.all()} == {told.id for told in stays}
    assert retention.prune(NOW, timedelta(days=10)).bodies == 1  # nothing outlives its record


def test_a_batch_is_no_larger_than_memory_allows_and_nothing_is_left_behind(database: Place) -> None:
    tenant = Tenant.objects.create(name="team-a", keep_bodies_days=7)
    journal(database.spool, [kept(tenant, days_ago) for days_ago in (1, 2, 3)])
    shipper = Shipper(database.spool, batch_bytes=1)
    assert [shipper.ship_batch() for _ in range(4)] == [1, 1, 1, 0]
    assert RequestBody.objects.count() == 3
