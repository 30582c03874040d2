"""How is a request written in a list?"""

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

from usage.selectors import Listed


class Line(Struct, frozen=True):
    """A listed request with the words that a page needs."""

    listed: Listed
    wire_id: str
    started_at: datetime
    rating: float | None  # what its caller said of it, -1 to 1
    state: str  # the status, or "failover" where another than the first choice answered


def lines(rows: list[Listed], ratings: Mapping[str, float] | None = None) -> tuple[Line, ...]:
    """`ratings` by the ids of requests; without, none is known."""
    known = ratings or {}
    return tuple(
        Line(
            listed=row,
            wire_id=f"req_{row.id}",
            started_at=datetime.fromtimestamp(row.started_us / 1e6, UTC),
            rating=known.get(row.id),
            state=state_of(row.status, row.failovers),
        )
        for row in rows
    )


def state_of(status: str, failovers: int) -> str:
    """What a badge says of a request."""
    return "failover" if status == "answered" and failovers else status
