"""`GET /v1/usage`: what one's own tenant has used and paid, what limits and budgets leave, when they begin anew."""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from routing.api.contracts import answers
from routing.api.database import DatabaseView
from routing.api.figures import BudgetLeft, LimitLeft, OwnUsage, Used
from routing.api.headers import usd
from routing.runtime import runtime
from tenants.callers import Caller
from tenants.limits import Window
from tenants.selectors import BudgetState, budget_states
from tenants.slots import Gauge
from usage.selectors import Entities, TimeRange, Totals, totals


@extend_schema(tags=["Data plane"])
class UsageView(DatabaseView):
    """One's own spend."""

    route = "usage"

    @extend_schema(
        operation_id="retrieveUsage",
        summary="Own use, spend, limits and budgets",
        description="Sums of today and of this month (UTC) by the whole tenant, and this month's by the asking key. "
        "Records reach the sums within seconds of an answer. A cost is null where no price is known.",
        responses=answers(OwnUsage, "What was used", 401, 403),
    )
    def get(self, request: Request) -> HttpResponse:
        caller, now = self.caller(request), timezone.now()
        left = async_to_sync(runtime().limiter.left)(caller, now.timestamp())
        return HttpResponse(msgspec.json.encode(own_usage(caller, now, left)), "application/json")


def own_usage(caller: Caller, now: datetime, left: list[tuple[Window | Gauge, int]]) -> OwnUsage:
    """The figures of a caller's tenant, with what is left of its windows and of the key's."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tenant, key = Entities(tenant_id=caller.tenant_id), Entities(tenant_id=caller.tenant_id, key_id=caller.key_id)
    this_month = TimeRange.around(midnight.replace(day=1), now, now)
    return OwnUsage(
        object="usage",
        tenant=caller.tenant,
        key=caller.key_name,
        as_of=now.isoformat(),
        today=used_of(totals(TimeRange.around(midnight, now, now), tenant)),
        month=used_of(totals(this_month, tenant)),
        key_month=used_of(totals(this_month, key)),
        limits=[limit_left(limit, remaining) for limit, remaining in left],
        budgets=[budget_left(state) for state in budget_states(now, caller.tenant_id) if _concerns(state, caller)],
    )


def used_of(sums: Totals) -> Used:
    cost = sums.known_cost_nano_usd
    return Used(
        requests=sums.requests,
        answered=sums.answered,
        prompt_tokens=sums.prompt_tokens,
        completion_tokens=sums.completion_tokens,
        cached_tokens=sums.cached_tokens,
        reasoning_tokens=sums.reasoning_tokens,
        cost_usd=None if cost is None else usd(cost),
        unpriced_requests=sums.unpriced,
    )


def _concerns(state: BudgetState, caller: Caller) -> bool:
    """Other keys' budgets are not theirs to see."""
    return state.key_id in (None, caller.key_id)


def budget_left(state: BudgetState) -> BudgetLeft:
    return BudgetLeft(
        name=state.name,
        unit=state.unit,
        period=state.period,
        hard=state.hard,
        tag=state.tag or None,
        of_key=state.key_id is not None,
        limit=state.text_of(state.limit),
        spent=state.text_of(state.spent),
        reserved=state.text_of(state.reserved),
        remaining=state.text_of(state.remaining),
        resets_at=state.span.resets_at,
    )


def limit_left(limit: Window | Gauge, remaining: int) -> LimitLeft:
    of: Literal["tenant", "key"] = "key" if limit.key_id else "tenant"
    if isinstance(limit, Gauge):
        return LimitLeft("concurrent_requests", of, limit.limit, remaining, None)
    resets_at = datetime.fromtimestamp(limit.end, UTC).isoformat()
    return LimitLeft(f"{limit.measure}_per_{limit.name}", of, limit.limit, remaining, resets_at)
