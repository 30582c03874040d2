"""Which policy saves?"""

from collections import defaultdict

from msgspec import Struct

from dashboard.formatting import share_of
from dashboard.panels.base import Panel
from dashboard.savings import SPLIT_BY, Saved, saved_in
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors.requestwords import NOBODY

STEPS = ("routing", "cache", "local models", "further attempts", "what is not told apart")
MONEY = ("Baseline", "Paid", "Saved", *(f"Saved by {step}" for step in STEPS))


class Row(Struct, frozen=True):
    policy: str
    address: str
    sums: Saved
    share: float | None  # saved, of the baseline


class SavingsByPolicy(Struct, frozen=True):
    rows: tuple[Row, ...]

    @property
    def unsplit(self) -> bool:
        """Whether the steps of some requests are not known."""
        return any(row.sums.split < row.sums.requests for row in self.rows)


class SavingsByPolicyPanel(Panel):
    """Baseline and cost of the requests that each policy decided, the greatest savings first."""

    name = "savings_by_policy"
    title = "Which policy saves?"
    page = "savings"
    order = 30
    counts = {"status": "answered"}
    formula = (
        "The savings of the panel above and their steps, added up by the policy that decided each request: saved = "
        "baseline − paid = routing + cache + local + further attempts + what is not told apart."
    )

    def data(self, scope: Scope) -> SavingsByPolicy:
        found = defaultdict[str, Saved](Saved)
        for (policy, _), (sums,) in saved_in(scope, (scope.period.span,), SPLIT_BY).items():
            found[policy] += sums
        rows = [_row(policy, sums, scope) for policy, sums in found.items() if sums.requests]
        return SavingsByPolicy(tuple(sorted(rows, key=lambda row: (-row.sums.saved, row.policy))))

    def table(self, data: SavingsByPolicy, scope: Scope) -> Table | None:
        if not data.rows:
            return None
        money = (Column(name, "USD") for name in MONEY)
        columns = (Column("Policy"), Column("Requests"), *money, Column("Share saved", "share"))
        return Table(columns, [_cells(row) for row in data.rows])


def _row(policy: str, sums: Saved, scope: Scope) -> Row:
    address = scope.link("requests", policy=policy or NOBODY, status="answered")
    return Row(policy or "none", address, sums, share_of(sums.saved, sums.baseline))


def _cells(row: Row) -> tuple[str | float | None, ...]:
    sums = row.sums
    steps = (sums.routing, sums.cache, sums.local, sums.further, sums.unsplit)
    return row.policy, sums.requests, sums.baseline, sums.paid, sums.saved, *steps, row.share
