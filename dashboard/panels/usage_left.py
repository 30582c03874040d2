"""What is left of the limits and budgets of one's tenant?"""

from datetime import UTC, datetime

from asgiref.sync import async_to_sync
from django.utils import timezone
from msgspec import Struct

from dashboard.burndown import amount, name_of
from dashboard.fills import fill_of_used
from dashboard.formatting import count, tokens
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from routing.api.ownusage import budget_left, limit_left
from routing.runtime import runtime
from tenants.budgets import USD
from tenants.keyring import NO_KEY, caller_of
from tenants.models import Tenant
from tenants.selectors import budget_states
from usage.selectors import Entities, TimeRange, Totals, series

MAY_ADD = "tenants.add_tenant"
MOST_TENANTS = 20  # that are offered to choose from
NAMES = {
    "requests_per_minute": "Requests per minute",
    "tokens_per_minute": "Tokens per minute",
    "requests_per_day": "Requests per day",
    "concurrent_requests": "Requests at once",
}


class Bar(Struct, frozen=True):
    """One limit or budget. `exact` are limit, used and left as `/v1/usage` writes them."""

    name: str
    kind: str
    limit: str
    left: str
    share: float  # that is used, 0 to 1
    fill: str
    resets: datetime | None
    exact: tuple[str, str, str]


class UsageLeft(Struct, frozen=True):
    tenant: str  # empty: one must be chosen, or made, first
    choices: tuple[tuple[str, str], ...]  # name and address of each tenant that may be chosen
    more: bool  # than these choices
    may_add: bool  # a tenant, in admin
    today: Totals | None
    month: Totals | None
    bars: tuple[Bar, ...]


class UsageLeftPanel(Panel):
    """Sums of today and of this month, and each limit and budget with its reset: what `/v1/usage` says."""

    name = "usage_left"
    title = "What is left?"
    page = "usage"
    order = 10
    formula = (
        "The same figures as GET /v1/usage: today and this month begin at midnight UTC and are of the whole tenant. "
        "Limits are what its keys share at this moment. Left of a budget is its limit less what is spent and what "
        "running requests hold."
    )

    def data(self, scope: Scope) -> UsageLeft:
        found = tenants_of(scope)
        if len(found) != 1:
            return _undecided(scope)
        tenant, now = found[0], scope.period.now
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        whose = Entities(tenant_id=tenant.pk)
        since = (midnight, midnight.replace(day=1))
        today, month = scope.ask(series, tuple(TimeRange.around(start, now, now) for start in since), whose)
        bars = (*_limits(tenant, now), *_budgets(tenant, now))
        return UsageLeft(tenant.name, (), False, False, today, month, bars)

    def table(self, data: UsageLeft, scope: Scope) -> Table | None:
        columns = ("Limit or budget", "Kind", "Limit", "Used", "Left", "Resets")
        rows = [(bar.name, bar.kind, *bar.exact, bar.resets) for bar in data.bars]
        return Table(tuple(map(Column, columns)), rows) if rows else None


def tenants_of(scope: Scope) -> list[Tenant]:
    """The tenant of the address, or the first of those that could be meant; none: there is no such one."""
    word = scope.word("tenant")
    return scope.ask(_called, (word,) if word in scope.tenants.values() else () if word else _own(scope))


def _own(scope: Scope) -> tuple[str, ...]:
    """The names that could be meant where none is given: no sample's."""
    return tuple(name for name in scope.tenants.values() if name not in scope.samples)


def _called(names: tuple[str, ...]) -> list[Tenant]:
    return list(Tenant.objects.filter(name__in=names[: 2 * MOST_TENANTS], drill=False).order_by("name"))


def _undecided(scope: Scope) -> UsageLeft:
    """Which tenants could be chosen, whatever name stands in the address."""
    found = scope.ask(_called, _own(scope))
    choices = tuple((row.name, scope.here(tenant=row.name)) for row in found[:MOST_TENANTS])
    return UsageLeft("", choices, len(found) > MOST_TENANTS, scope.may(MAY_ADD), None, None, ())


def _limits(tenant: Tenant, now: datetime) -> "list[Bar]":
    left = async_to_sync(runtime().limiter.left)(caller_of(tenant), now.timestamp())
    bars = []
    for limit, remaining in left:
        said = limit_left(limit, remaining)
        write = tokens if said.name.startswith("tokens") else count
        bars.append(
            Bar(
                NAMES[said.name],
                "limit",
                write(said.limit),
                write(said.remaining),
                *_share(said.limit - said.remaining, said.limit),
                None if said.resets_at is None else _local(said.resets_at),
                (str(said.limit), str(said.limit - said.remaining), str(said.remaining)),
            )
        )
    return bars


def _budgets(tenant: Tenant, now: datetime) -> "list[Bar]":
    """The tenant's own: budgets of single keys stand with their keys in Budgets."""
    bars = []
    for state in budget_states(now, tenant.pk):
        if state.key_id not in (None, NO_KEY):
            continue
        said, in_usd = budget_left(state), state.unit == USD
        bars.append(
            Bar(
                name_of(state),
                f"budget, {'USD' if in_usd else 'tokens'}{'' if said.hard else ', soft'}",
                amount(state, state.limit),
                amount(state, state.remaining),
                *_share(state.spent + state.reserved, state.limit),
                None if said.resets_at is None else _local(said.resets_at),
                (said.limit, state.text_of(state.spent + state.reserved), said.remaining),
            )
        )
    return bars


def _share(used: int, limit: int) -> tuple[float, str]:
    """The part that is used, and its colour."""
    share = min(used / limit, 1.0) if limit else 1.0
    return share, fill_of_used(share)


def _local(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(timezone.get_current_timezone())
