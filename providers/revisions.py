"""How often each part of the configuration has changed: one row per part, counted up by every writer."""

from typing import Final

from django.db.models import F

from providers.models import Revision

CATALOG: Final = "catalog"
TENANTS: Final = "tenants"
POLICIES: Final = "policies"
REACHED: Final = "reached"


def bump(part: str) -> None:
    """Say that `part` has changed. Call it in the transaction that changes the rows: workers reload once it commits."""
    if not _count_up(part):
        Revision.objects.bulk_create([Revision(part=part)], ignore_conflicts=True)
        _count_up(part)


def numbers() -> dict[str, int]:
    """The number of every part that has ever changed, in one query."""
    return dict(Revision.objects.values_list("part", "number"))


def _count_up(part: str) -> int:
    return Revision.objects.filter(part=part).update(number=F("number") + 1)
