"""Who spends how much, and how did that change?"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from django.utils.http import urlencode
from msgspec import Struct

from dashboard.accepted import By
from dashboard.colours import OTHER, colours_of
from dashboard.formatting import NANO, money, moved, share_of
from dashboard.groups import labels, requests_of, words_of
from dashboard.pages import path_of
from dashboard.panels.base import Panel
from dashboard.panels.cost_over_time import group_of, groups_of
from dashboard.panels.tiles import total
from dashboard.scope import Scope
from dashboard.sorting import Key, Sorting, sorting
from dashboard.tables import Column, Table
from tenants.selectors import key_tenants
from usage.rollups import OTHER_TAGS
from usage.selectors import Spend, Value, spent_by, totals

MOST_ROWS = 50
DEAREST = {"sort": "-cost"}
BUDGETED: tuple[By, ...] = ("tenant", "key", "tag")
PERIODS = ((28, "month", 30), (7, "week", 7), (1, "day", 1))  # from so many days on; so many days of spend


class Spender(Struct, frozen=True):
    """A value of the group, its sums, and those of the period before (None: it is not compared)."""

    value: Value
    name: str
    sums: Spend
    before: Spend | None

    @property
    def cost(self) -> int | None:
        return self.sums.known_cost_nano_usd

    @property
    def cost_before(self) -> int | None:
        return self.before.known_cost_nano_usd if self.before and self.before.requests else None

    @property
    def per_thousand(self) -> int | None:
        """Nano-dollars per 1,000 of the requests with a price."""
        return round(self.sums.cost_nano_usd * 1000 / self.sums.priced) if self.sums.priced else None


# What a column is sorted by.
KEYS: Mapping[str, Callable[[Spender], Key]] = {
    "name": lambda one: one.name.casefold(),
    "requests": lambda one: one.sums.requests,
    "in": lambda one: one.sums.prompt_tokens,
    "out": lambda one: one.sums.completion_tokens,
    "cost": lambda one: one.cost,
    "change": lambda one: one.cost / one.cost_before if one.cost is not None and one.cost_before else None,
    "per_thousand": lambda one: one.per_thousand,
    "unpriced": lambda one: one.sums.unpriced,
}


class Row(Struct, frozen=True):
    spender: Spender
    address: str
    dearest: str  # the address of its dearest requests, and of those without a price
    unpriced: str
    budget: str  # where a budget of its spend is made; empty: nowhere, or not by who looks
    colour: int
    share: float | None
    change: str
    before_text: str


class CostGroups(Struct, frozen=True):
    group: str
    order: Sorting
    rows: tuple[Row, ...]
    groups: int
    total: Spend
    total_cost: int | None
    compared: bool
    budgets: str  # the period that a budget made from here has; empty: none is offered
    dearest: str  # the dearest requests of all
    budget_here: str = ""  # where one of the chosen tenant is made

    @property
    def more(self) -> bool:
        return self.groups > len(self.rows)


class CostGroupsPanel(Panel):
    """One line per value of the group, the dearest first unless told otherwise, with the sum of all."""

    name = "cost_groups"
    title = "What costs how much?"
    page = "cost"
    order = 20
    formula = (
        "Cost per 1,000 requests is of those with a price. A budget that is made from here begins with what this group "
        "spent on average per day, week or month of the range: whichever is the longest that the range holds."
    )
    counts = {}

    def groups(self, scope: Scope) -> tuple[By, ...]:
        return groups_of(scope)

    def data(self, scope: Scope) -> CostGroups:
        group, order = group_of(scope), sorting(scope, KEYS, "-cost")
        found = spenders(scope, group)
        period = budget_period(scope, group)
        # A request with several tags is in several groups, and in the total once.
        parts: list[Spend] = (
            [scope.ask(totals, scope.period.span, scope.entities)] if group == "tag" else [x.sums for x in found]
        )
        sums: Spend = total(parts) if parts else Spend()
        colours = colours_of((one.name for one in found), scope.board.colours)
        shown = order.rows(found, lambda one, column: KEYS[column](one))[:MOST_ROWS]
        budgets = _budgets(scope, group, period, shown)
        rows = tuple(_row(scope, group, one, colours, sums, budgets) for one in shown)
        return CostGroups(
            group=group,
            order=order,
            rows=rows,
            groups=len(found),
            total=sums,
            total_cost=sums.known_cost_nano_usd,
            compared=scope.compares,
            budgets=period,
            dearest=scope.link("requests", **DEAREST),
            budget_here=budget_here(scope, group, sums),
        )

    def table(self, data: CostGroups, scope: Scope) -> Table:
        columns = (
            Column(data.group.capitalize()),
            Column("Requests"),
            Column("Tokens in"),
            Column("Tokens out"),
            Column("Cost", "USD"),
            Column("Share of cost", "share"),
            *([Column("Cost in the previous period", "USD")] if data.compared else []),
            Column("Per 1,000 requests", "USD"),
            Column("Requests without a price"),
        )
        return Table(columns, (_cells(row, data.compared) for row in data.rows))


def spenders(scope: Scope, group: By) -> list[Spender]:
    """Every value of the group in the range, the dearest first; what spent only before is `cost_movers`'."""
    found = scope.ask(spent_by, group, scope.period.span, scope.entities)
    before = costs_before(scope, group)
    named = labels(scope, group, list(found))
    rows = [
        Spender(value, named[value], sums, None if before is None else before.get(value, Spend()))
        for value, sums in found.items()
    ]
    return sorted(rows, key=lambda one: (-one.sums.cost_nano_usd, str(one.value)))


def costs_before(scope: Scope, group: By) -> dict[Value, Spend] | None:
    """The sums of the period before by value; None where it is not compared."""
    return scope.ask(spent_by, group, scope.period.before, scope.entities) if scope.compares else None


def budget_period(scope: Scope, group: By) -> str:
    """The period of a budget for this group and range; empty where there is none, or not for who looks."""
    owned = group != "tag" or isinstance(scope.tenant_id, int)  # several tenants may use the same tag
    return longest_period(scope) if group in BUDGETED and owned else ""


def longest_period(scope: Scope) -> str:
    """The longest period of a budget that the range holds; empty where it holds none, or who looks may make none."""
    days = _days(scope)
    fits = (period for least, period, _ in PERIODS if days >= least)
    return next(fits, "") if scope.may("tenants.add_budget") else ""


def _days(scope: Scope) -> float:
    return (scope.period.end - scope.period.start).total_seconds() / 86_400


def _form(scope: Scope, period: str, cost: int, words: Mapping[str, Value]) -> str:
    """The form of a budget whose limit is what is spent per period on average."""
    length = next(length for _, name, length in PERIODS if name == period)
    limit = (Decimal(cost) / NANO * length / Decimal(_days(scope))).quantize(Decimal("0.000001"))
    filled: dict[str, Value] = {"limit_usd": f"{limit.normalize():f}", "period": period, **words}
    return f"{path_of('dashboard:budget-new')}?{urlencode(filled)}"


def budget_here(scope: Scope, group: By, sums: Spend) -> str:
    """Where a budget of the chosen tenant, or of its chosen tag, is made, with what this page sums up; else empty."""
    tenant, period = scope.tenant_id, longest_period(scope)
    apart = any(scope.word(name) for name in ("key", "provider", "model", "policy"))
    if group in BUDGETED or apart or not period or not isinstance(tenant, int) or tenant not in scope.tenants:
        return ""
    words = {"tenant": scope.tenants[tenant]} | ({"tag": scope.tag} if scope.tag else {})
    return _form(scope, period, sums.cost_nano_usd, words) if sums.cost_nano_usd else ""


def _budgets(scope: Scope, group: By, period: str, shown: list[Spender]) -> dict[Value, str]:
    """For each value whose cost is known and that is there still: the form of a budget, with what it spends."""
    if not period:
        return {}
    owners = key_tenants({int(one.value) for one in shown}) if group == "key" else {}
    addresses = {}
    for one in shown:
        tenant = _owner(scope, group, one.value, owners)
        if one.cost and tenant is not None and tenant in scope.tenants:
            words: dict[str, Value] = {"tenant": scope.tenants[tenant]}
            if group != "tenant":
                words[group] = one.value
            addresses[one.value] = _form(scope, period, one.cost, words)
    return addresses


def _owner(scope: Scope, group: By, value: Value, owners: Mapping[int, int]) -> int | None:
    """The tenant whose budget it would be."""
    if group == "tag":
        return scope.tenant_id if isinstance(scope.tenant_id, int) and value not in ("", OTHER_TAGS) else None
    return owners.get(int(value)) if group == "key" else int(value)


def _cells(row: Row, compared: bool) -> tuple[str | float | None, ...]:
    one = row.spender
    used = (one.sums.requests, one.sums.prompt_tokens, one.sums.completion_tokens)
    before = (one.cost_before,) if compared else ()
    return one.name, *used, one.cost, row.share, *before, one.per_thousand, one.sums.unpriced


def _row(
    scope: Scope, group: By, one: Spender, colours: dict[str, int], whole: Spend, budgets: dict[Value, str]
) -> Row:
    behind = partial(scope.link, "requests", **words_of(scope, group, one.value))
    return Row(
        spender=one,
        address=requests_of(scope, group, one.value),
        dearest=behind(**DEAREST),
        unpriced=behind(status="unpriced"),
        budget=budgets.get(one.value, ""),
        colour=colours.get(one.name, OTHER),
        share=share_of(one.cost, whole.cost_nano_usd),
        change=moved(one.cost, one.cost_before, one.before.requests if one.before else 0, money),
        before_text=money(one.cost_before),
    )
