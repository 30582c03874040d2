"""What was chosen, and among what? The decision records of a range's newest answered requests."""

from datetime import UTC, datetime

from msgspec import Struct

from usage.ranges import TimeRange
from usage.selectors.requests import RequestFilter, matching
from usage.selectors.totals import Entities


class Chosen(Struct, frozen=True):
    """One answered request. `decision` is the JSON of `routing.decisions`; a cost that is None has no price."""

    started_us: int
    asked_model: str
    policy: str | None
    provider: str | None
    model: str | None
    attempts_count: int
    cost_nano_usd: int | None
    decision: str | None

    @property
    def served(self) -> str:
        """provider/model."""
        return f"{self.provider}/{self.model}"

    @property
    def started_at(self) -> datetime:
        return datetime.fromtimestamp(self.started_us / 1e6, UTC)


def choices(period: TimeRange, entities: Entities, most: int) -> list[Chosen]:
    """Up to `most` of them, the newest first, in one query by index."""
    low, high = period.id_bounds
    chosen = RequestFilter(
        status="answered",
        tenant_id=entities.tenant_id,
        key_id=entities.key_id,
        provider=entities.provider,
        model=entities.model,
        policy=entities.policy,
    )
    rows = matching(chosen).filter(id__gte=low, id__lt=high).order_by("-id")
    return [Chosen(*row) for row in rows.values_list(*Chosen.__struct_fields__)[:most]]
