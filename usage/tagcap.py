"""How many tags of a tenant have sums of their own? So many in an hour: callers send what they like."""

from typing import Final

from usage.fold import Cells, Key
from usage.rollups import HOUR, OTHER_TAGS, TagRollup

MOST_TAGS: Final = 200  # of a tenant in an hour
REMEMBERED: Final = 1000  # hours of tenants


class TagCap:
    """Knows which tags have sums. Shippers of several machines may let in a few more, each its own."""

    def __init__(self, most: int = MOST_TAGS) -> None:
        self._most = most
        self._known: dict[tuple[int, int], set[str]] = {}

    def capped(self, cells: Cells) -> Cells:
        """The same sums of `TagRollup` by minute, with those of tags that are too many under `OTHER_TAGS`."""
        found = Cells()
        for (tenant, minute, tag), sums in cells.items():
            key: Key = (tenant, minute, tag if self._admits(int(tenant), int(minute), str(tag)) else OTHER_TAGS)
            present = found.get(key)
            found[key] = sums if present is None else [a + b for a, b in zip(present, sums, strict=True)]
        return found

    def _admits(self, tenant: int, minute: int, tag: str) -> bool:
        if not tag:
            return True
        known = self._tags(tenant, minute // HOUR * HOUR)
        if tag in known:
            return True
        if len(known) >= self._most:
            return False
        known.add(tag)
        return True

    def _tags(self, tenant: int, hour: int) -> set[str]:
        known = self._known.get((tenant, hour))
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            rows = TagRollup.objects.filter(tenant_id=tenant, grain=HOUR, bucket=hour)
            kept = rows.exclude(tag__in=("", OTHER_TAGS)).values_list("tag", flat=True)
            known = self._known[tenant, hour] = set(kept)
        return known
