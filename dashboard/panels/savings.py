"""What did routing save, against what?"""

from msgspec import Struct

from dashboard.formatting import share_of
from dashboard.panels.base import Panel
from dashboard.savings import ASKED, DEAREST, MOST, REASONS, Part, Savings, baseline_of, parts, savings_of
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors import totals


class Baseline(Struct, frozen=True):
    """One choice of what to compare with."""

    label: str
    address: str
    current: bool


class Saved(Struct, frozen=True):
    found: Savings
    baselines: tuple[Baseline, ...]
    against: str
    parts: tuple[Part, ...]
    share: float | None  # of the baseline
    answered: int  # requests of the range
    left_out: tuple[tuple[int, str], ...]

    @property
    def some(self) -> bool:
        """Not all of the range was read."""
        return self.found.read < self.answered


class SavingsPanel(Panel):
    """From the baseline to what was paid, and how many requests that speaks of."""

    name = "savings"
    title = "What did routing save, against what?"
    unit = "US dollars"
    page = "savings"
    order = 10
    formula = (
        "Saved = baseline - paid, request by request, less than nothing included. The baseline of a request = what was "
        "paid × expected cost of the baseline / expected cost of what served, both as its decision record noted them "
        "when it was decided; where what served was free, or several attempts were paid for, it is the expected cost "
        "of the baseline itself. “As asked” is the model that the request named, “dearest eligible” the dearest of "
        "its candidates (of the 25 that a record lists), a model the deployment of that name, the dearest if there are "
        f"several. Read are the newest answered requests of the range, {MOST:,} at most."
    )
    counts = {"status": "answered"}

    def data(self, scope: Scope) -> Saved:
        found, chosen = savings_of(scope), baseline_of(scope)
        names = list(dict.fromkeys([ASKED, DEAREST, *found.models, chosen]))
        return Saved(
            found=found,
            baselines=tuple(Baseline(_label(name), scope.here(baseline=name), name == chosen) for name in names),
            against=_label(chosen),
            parts=parts(found) if found.compared else (),
            share=share_of(found.saved, found.baseline),
            answered=scope.ask(totals, scope.period.span, scope.entities).answered,
            left_out=tuple((many, REASONS[why]) for why, many in found.left_out.items()),
        )

    def table(self, data: Saved, scope: Scope) -> Table | None:
        if not data.parts:
            return None
        columns = (Column("Part"), Column("Requests"), Column("Amount", "USD"))
        return Table(columns, [(part.label, part.requests, part.amount) for part in data.parts])


def _label(baseline: str) -> str:
    return {ASKED: "as asked", DEAREST: "dearest eligible"}.get(baseline, baseline)
