"""Ship a whole spool, and hold the sums against the records."""

from pathlib import Path

from django.db.models import Q, Sum

from usage.models import AttemptRecord, AttemptRollup, KeyRollup, RequestRecord, RequestRollup
from usage.rollups import ALL_KEYS, ALL_TENANTS, GRAINS
from usage.shipper import Shipper


def ship(directory: Path) -> None:
    moving = Shipper(directory)
    while moving.ship_batch():
        pass


def assert_sums_agree() -> None:
    """What the rollups say in every grain and scope is what the records say, exactly."""
    requests = RequestRecord.objects.count()
    cost = RequestRecord.objects.aggregate(total=Sum("cost_nano_usd"))["total"] or 0
    tokens = RequestRecord.objects.aggregate(total=Sum("completion_tokens"))["total"] or 0
    attempts = AttemptRecord.objects.count()
    for grain in GRAINS:
        everyone, each = {"tenant_id": ALL_TENANTS}, {"tenant_id__gt": ALL_TENANTS}
        all_keys, each_key = Q(key_id=ALL_KEYS), Q(key_id__gt=ALL_KEYS)
        levels = (
            (RequestRollup, everyone, all_keys),
            (RequestRollup, each, all_keys),
            (RequestRollup, each, each_key),
            (KeyRollup, each, each_key),
        )
        for table, scope, level in levels:
            rows = table.objects.filter(level, grain=grain, **scope)
            sums = rows.aggregate(n=Sum("requests"), cost=Sum("cost_nano_usd"), tokens=Sum("completion_tokens"))
            assert sums == {"n": requests or None, "cost": cost, "tokens": tokens}, (grain, scope)
            counted = AttemptRollup.objects.filter(grain=grain, **scope).aggregate(n=Sum("attempts"))["n"] or 0
            assert counted == attempts, (grain, scope)
