"""How is a request written in a list?"""

from datetime import UTC, datetime

from msgspec import Struct

from usage.selectors import Listed


class Line(Struct, frozen=True):
    """A listed request with the words that a page needs."""

    listed: Listed
    wire_id: str
    started_at: datetime
    state: str  # the status, or "failover" where another than the first choice answered


def lines(rows: list[Listed]) -> tuple[Line, ...]:
    return tuple(
        Line(
            row, f"req_{row.id}", datetime.fromtimestamp(row.started_us / 1e6, UTC), state_of(row.status, row.failovers)
        )
        for row in rows
    )


def state_of(status: str, failovers: int) -> str:
    """What a badge says of a request."""
    return "failover" if status == "answered" and failovers else status
