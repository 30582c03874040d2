"""/api/admin/budgets: what tenants, their keys and their tags may spend, and what of it is spent."""

from decimal import Decimal
from typing import Annotated, Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from msgspec import Meta, Struct
from rest_framework.decorators import action

from providers.revisions import TENANTS
from routing.api.operator.applying import OneChange, fields_of, fitted
from routing.api.operator.documents import MATCH, ONCE, Reason, documented, told_once
from routing.api.operator.paging import Filter, one_of, yes
from routing.api.operator.resource import References, Resource, Rows, columns
from routing.configfile import schema
from routing.configfile.budgetpart import limit_of, put_budgets
from routing.errors import InvalidBody
from routing.models import Policy
from routing.policybook import SHORT_NAMES
from tenants.budgets import RAISE, USD, Budget
from tenants.models import own
from tenants.periods import Period
from tenants.selectors import BudgetState, states_of, tenants_in
from tenants.sight import seen

PERIODS = tuple(each.value for each in Period)


class BudgetNow(Struct):
    """How a budget stands in its running period: amounts in its unit, as decimal texts. `reserved` is set aside for
    requests that run, or leased to workers; `resets_at` is null where the period never ends."""

    spent: str
    reserved: str
    remaining: str
    used_percent: float
    resets_at: str | None


class BudgetRow(Struct):
    """A budget as it is kept: one of `usd` and `tokens`, the other is null. `key` and `tag` are empty where it counts
    all of them; `now` is left out of the version in `ETag`."""

    id: int
    tenant: str
    period: str
    usd: float | None
    tokens: int | None
    hard: bool
    key: str
    tag: str
    alerts: list[int]
    low: dict[str, Any] | None
    unpriced: str
    now: BudgetNow


class BudgetBody(schema.Budget, kw_only=True):
    """A budget; what is left out stays. It is known by its tenant, unit, period, key and tag, which do not change."""

    tenant: schema.Slug


class NewLimit(Reason):
    """A limit above the present one, in the budget's own unit."""

    usd: Annotated[float, Meta(ge=0, lt=1e9)] | None = None
    tokens: Annotated[int, Meta(ge=0, lt=2**62)] | None = None


@documented(
    BudgetRow,
    {"tenant": "team-a", "usd": 100, "period": "week", "hard": True, "alerts": [50, 80, 100]},
    {"alerts": [80, 100], "reason": "agreed with finance"},
)
class Budgets(Resource):
    """Budgets."""

    model, part, body = Budget, TENANTS, BudgetBody
    place = ".budgets[0]"
    identity = ("tenant", "key", "tag", "period")
    filters = {
        "tenant": Filter("tenant__name"),
        "key": Filter("key__name"),
        "tag": Filter("tag"),
        "period": Filter("period", one_of(PERIODS), f"one of {', '.join(PERIODS)}"),
        "hard": Filter("kind", lambda text: Budget.Hard.HARD if yes(text) else Budget.Hard.SOFT, "true or false"),
    }
    orders = {"id": "id", "tenant": "tenant__name", "period": "period", "created_at": "created_at"}

    def rows(self) -> QuerySet[Any]:
        kept = Budget.objects.filter(own("tenant__")).select_related("tenant", "key")
        return seen(kept, self.operator.sight, "tenant_id")

    def named(self, body: Any) -> QuerySet[Any]:
        key = {"key__name": body.key} if body.key else {"key": None}
        rows = Budget.objects.filter(tenant__name=body.tenant, tag=body.tag, period=body.period, **key)
        return rows.filter(limit_usd__isnull=body.usd is None)

    def held(self, row: Any) -> dict[str, Any]:
        key = row.key.name if row.key else ""
        return {"tenant": row.tenant.name, "period": row.period, "key": key, "tag": row.tag}

    def kept(self, row: Any) -> dict[str, Any]:
        return limit_of(row)

    def told(self, rows: Rows) -> Rows:
        return [_row(row, state) for row, state in zip(rows, states_of(rows, timezone.now()), strict=True)]

    def partial_update(self, request: HttpRequest, pk: str) -> HttpResponse:
        """A budget stays in its unit."""
        data, row = self.data(), self.one(pk)
        other = "tokens" if row.unit == USD else "usd"
        if data.get(other) is not None:
            text = f"{other}: the budget is in {row.unit} and stays so, as that is what was counted; make a new one"
            raise InvalidBody(text, param=other)
        return super().partial_update(request, pk)

    def references(self) -> dict[str, References]:
        return {"tenant": (tenants_in(self.operator.sight), "tenants")}

    def write(self, changes: OneChange, body: Any) -> None:
        tenant = get_object_or_404(tenants_in(self.operator.sight), name=body.tenant)
        policies = {*Policy.objects.values_list("name", flat=True), *SHORT_NAMES}
        put_budgets(changes, "", tenant, [schema.Budget(**fields_of(body, "tenant"))], policies)

    def destroy(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Without a budget more may be spent than with it."""
        self.operator.require(self.right("delete"), RAISE)
        return super().destroy(request, pk)

    @told_once(
        BudgetRow,
        "Budget",
        "raise",
        "Raise its limit",
        {"usd": 150, "reason": "the launch"},
        body=NewLimit,
        parameters=[MATCH, ONCE],
    )
    @action(detail=True, methods=["post"], url_path="raise")
    def lift(self, request: HttpRequest, pk: str) -> HttpResponse:
        self.operator.require(RAISE)
        wish = fitted(self.data(), NewLimit)
        with transaction.atomic():
            row = self.locked(pk)
            self.assign(row, "raised", wish.reason, **_higher(row, wish))
        return self.shown(self.one(pk))


def _higher(row: Budget, wish: NewLimit) -> dict[str, Any]:
    """The column of the limit with the value wished for; raises `InvalidBody` where that is no raise."""
    given = wish.usd if row.unit == USD else wish.tokens
    if given is None:
        raise InvalidBody(f"{row.unit}: give the new limit; the budget is in {row.unit}", param=row.unit)
    wanted = Decimal(str(given)) if row.unit == USD else int(given)
    if why := row.why_no_raise(wanted):
        raise InvalidBody(f"{row.unit}: {why}; PATCH lowers it", param=row.unit)
    return {f"limit_{row.unit}": wanted}


def _row(row: Budget, state: BudgetState) -> BudgetRow:
    return BudgetRow(
        id=row.pk,
        tenant=row.tenant.name,
        usd=None if row.limit_usd is None else float(row.limit_usd),
        tokens=row.limit_tokens,
        key=row.key.name if row.key else "",
        low={"percent": row.low_percent, "policy": row.low_policy} if row.low_policy else None,
        now=BudgetNow(
            spent=state.text_of(state.spent),
            reserved=state.text_of(state.reserved),
            remaining=state.text_of(state.remaining),
            used_percent=round(state.used_percent, 3),
            resets_at=state.span.resets_at,
        ),
        **columns(row, ("period", "hard", "tag", "alerts", "unpriced")),
    )
