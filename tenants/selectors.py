"""Which tenants and client keys are there, and what is left of their budgets? For pages and reports; the data plane
reads `tenants.keyring`."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from tenants.budgets import USD, Budget, BudgetWindow
from tenants.models import ClientKey, Tenant
from tenants.periods import Period, Span, span_of


class BudgetState(Struct, frozen=True):
    """A budget in its present window; amounts in nano-dollars or tokens, as `unit` says."""

    id: int
    tenant_id: int
    tenant: str
    name: str
    key_id: int | None
    tag: str
    unit: str
    period: str
    hard: bool
    alerts: tuple[int, ...]
    limit: int
    spent: int
    reserved: int  # by running requests, and in the hands of workers
    span: Span

    @property
    def remaining(self) -> int:
        return max(self.limit - self.spent - self.reserved, 0)

    @property
    def used_percent(self) -> float:
        """Of the limit; all of it where there is nothing to spend."""
        return self.spent * 100 / self.limit if self.limit else 100.0

    def text_of(self, amount: int) -> str:
        """An amount of its unit as a plain number: dollars, or tokens."""
        return f"{Decimal(amount).scaleb(-9).normalize():f}" if self.unit == USD else str(amount)


def tenant_names() -> dict[int, str]:
    """Every tenant's name by its id, in the order of names."""
    return dict(Tenant.objects.order_by("name").values_list("pk", "name"))


def key_labels(ids: set[int]) -> dict[int, str]:
    """`tenant/key name` of these client keys; one that was deleted is missing."""
    rows = ClientKey.objects.filter(pk__in=ids).values_list("pk", "tenant__name", "name")
    return {pk: f"{tenant}/{name}" for pk, tenant, name in rows}


def budget_states(now: datetime, tenant_id: int | None = None) -> list[BudgetState]:
    """What is left of every budget of live tenants, or of one tenant's, in two queries."""
    rows = Budget.objects.filter(tenant__enabled=True).select_related("tenant", "key")
    budgets = list(rows if tenant_id is None else rows.filter(tenant_id=tenant_id))
    starts = {span_of(Period(row.period), row.tenant.time_zone, now.timestamp()).start for row in budgets}
    windows: dict[int, list[BudgetWindow]] = defaultdict(list)
    for window in BudgetWindow.objects.filter(budget__in=budgets, start__in=starts):
        windows[window.budget_id].append(window)
    return [state_of(row, windows[row.pk], now) for row in budgets]


def state_of(row: Budget, windows: Iterable[BudgetWindow], now: datetime) -> BudgetState:
    """A budget as it stands now; `windows` are its own, with the present one among them if there is one."""
    span = span_of(Period(row.period), row.tenant.time_zone, now.timestamp())
    window = next((each for each in windows if each.start == span.start), None)
    return BudgetState(
        id=row.pk,
        tenant_id=row.tenant_id,
        tenant=row.tenant.name,
        name=str(row),
        key_id=row.key_id,
        tag=row.tag,
        unit=row.unit,
        period=row.period,
        hard=row.hard,
        alerts=tuple(sorted(row.alerts)),
        limit=row.limit,
        spent=window.spent if window else 0,
        reserved=window.leased if window else 0,
        span=span,
    )
