"""Does the provider bill what we recorded? A month's invoice beside our sums, model by model."""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from usage.invoices import Line
from usage.ranges import TimeRange
from usage.selectors import Entities, Totals, by

NANO: Final = Decimal(10) ** 9


class Compared(Struct, frozen=True):
    """One model: what was billed, what we recorded, and the difference; None is not known."""

    model: str
    billed: Line
    requests: int
    unpriced: int
    prompt_tokens: int
    completion_tokens: int
    usd: Decimal | None

    @property
    def difference_usd(self) -> Decimal | None:
        """Above 0: they bill more than we recorded."""
        return None if self.billed.usd is None or self.usd is None else self.billed.usd - self.usd

    @property
    def off(self) -> bool:
        """Whether the difference deserves a look: more than a cent, and more than one percent."""
        gap = abs(self.difference_usd or Decimal(0))
        return gap > Decimal("0.01") and gap > abs(self.billed.usd or Decimal(0)) / 100


def recorded(provider: str, month: date, now: datetime) -> dict[str, Totals]:
    """Our sums of a month (UTC) by our name of the model."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    end = start + timedelta(days=monthrange(month.year, month.month)[1])
    groups = by("model", TimeRange.around(start, min(end, max(now, start)), now), Entities(provider=provider))
    return {str(group.value): group.totals for group in groups}


def compare(lines: Iterable[Line], ours: Mapping[str, Totals], names: Mapping[str, str]) -> list[Compared]:
    """One row per model of either side; `names` maps the provider's name of a model to ours."""
    billed = {names.get(line.model.lower(), line.model): line for line in lines}
    return [_row(model, billed.get(model, Line(model)), ours.get(model)) for model in sorted({*billed, *ours})]


def total(rows: Iterable[Compared]) -> Compared:
    """All rows together; an amount that is nowhere known stays unknown."""
    rows = list(rows)
    billed = [row.billed.usd for row in rows if row.billed.usd is not None]
    known = [row.usd for row in rows if row.usd is not None]
    return Compared(
        "Total",
        Line("Total", sum(billed, Decimal(0)) if billed else None),
        sum(row.requests for row in rows),
        sum(row.unpriced for row in rows),
        sum(row.prompt_tokens for row in rows),
        sum(row.completion_tokens for row in rows),
        sum(known, Decimal(0)) if known else None,
    )


def _row(model: str, billed: Line, ours: Totals | None) -> Compared:
    sums = ours or Totals()
    cost = sums.known_cost_nano_usd
    usd = None if cost is None else cost / NANO
    return Compared(model, billed, sums.requests, sums.unpriced, sums.prompt_tokens, sums.completion_tokens, usd)
