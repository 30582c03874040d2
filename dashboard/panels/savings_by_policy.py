"""Which policy saves?"""

from msgspec import Struct

from dashboard.formatting import share_of
from dashboard.panels.base import Panel
from dashboard.savings import Compared, savings_of
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors.requestwords import NOBODY


class Row(Struct, frozen=True):
    policy: str
    address: str
    requests: int
    baseline: int  # nano-dollars
    paid: int
    share: float | None  # saved, of the baseline

    @property
    def saved(self) -> int:
        return self.baseline - self.paid


class SavingsByPolicy(Struct, frozen=True):
    rows: tuple[Row, ...]


class SavingsByPolicyPanel(Panel):
    """Baseline and cost of the requests that each policy decided, the greatest savings first."""

    name = "savings_by_policy"
    title = "Which policy saves?"
    page = "savings"
    order = 30
    width = "half"
    counts = {"status": "answered"}
    formula = (
        "The savings of the panel above, added up by the policy that decided each request: saved = baseline − paid."
    )

    def data(self, scope: Scope) -> SavingsByPolicy:
        groups: dict[str, list[Compared]] = {}
        for one in savings_of(scope).compared:
            groups.setdefault(one.request.policy or "", []).append(one)
        rows = [_row(policy, ones, scope) for policy, ones in groups.items()]
        return SavingsByPolicy(tuple(sorted(rows, key=lambda row: (-row.saved, row.policy))))

    def table(self, data: SavingsByPolicy, scope: Scope) -> Table | None:
        if not data.rows:
            return None
        money = (Column(name, "USD") for name in ("Baseline", "Paid", "Saved"))
        columns = (Column("Policy"), Column("Requests"), *money, Column("Share saved", "share"))
        cells = [(row.policy, row.requests, row.baseline, row.paid, row.saved, row.share) for row in data.rows]
        return Table(columns, cells)


def _row(policy: str, ones: list[Compared], scope: Scope) -> Row:
    baseline, paid = sum(one.baseline for one in ones), sum(one.actual for one in ones)
    address = scope.link("requests", policy=policy or NOBODY, status="answered")
    return Row(policy or "none", address, len(ones), baseline, paid, share_of(baseline - paid, baseline))
