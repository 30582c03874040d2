"""How is it kept in which state a deployment was, minute by minute? Once, however many workers saw it.

A minute counts when it is new; the sums of quarters, hours and days grow by what was new.
"""

from collections.abc import Iterable
from typing import Final, Literal

from django.db import connection, transaction

from usage import store
from usage.fold import Cells, spread
from usage.rollups import ALL_TENANTS, MINUTE, StateRollup

State = Literal["open", "half_open", "cooldown", "off", "watched"]
Seen = tuple[int, str, State]  # start of the minute (seconds since the epoch), deployment, state
WATCHED: Final[State] = "watched"
NO_DEPLOYMENT: Final = ""
AT_ONCE: Final = 500


def record(seen: Iterable[Seen], tenant_id: int = ALL_TENANTS) -> None:
    """Keep what was seen, in one transaction; what another worker has kept counts once.

    `tenant_id`: a tenant that is kept apart, of whose own deployments it is.
    """
    ordered = sorted(set(seen))  # two workers then wait for each other instead of locking each other out
    with transaction.atomic():
        parts = [ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE)]
        new = [row for part in parts for row in _insert(part, tenant_id)]
        cells: Cells = {(tenant_id, minute, deployment, state): [1] for minute, deployment, state in new}
        sums_of = spread(StateRollup, cells, {tenant_id} - {ALL_TENANTS})
        coarse = {key: sums for key, sums in sums_of.items() if key[1] != MINUTE}
        store.add(StateRollup, coarse)


def _insert(rows: list[Seen], tenant_id: int) -> list[Seen]:
    """Those of the minutes that were not there yet."""
    if not rows:
        return []
    values = ", ".join(["(%s, %s, %s, %s, %s, 1)"] * len(rows))
    columns = "tenant_id, grain, bucket, deployment, state"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {StateRollup._meta.db_table} ({columns}, minutes) VALUES {values}"
            f" ON CONFLICT ({columns}) DO NOTHING RETURNING bucket, deployment, state",
            [value for row in rows for value in (tenant_id, MINUTE, *row)],
        )
        found: list[Seen] = cursor.fetchall()
    return found
