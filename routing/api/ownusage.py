"""`GET /v1/usage`: what one's own tenant has used and paid, what its limits leave, and when they begin anew."""

from datetime import UTC, datetime, timedelta

import msgspec
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from msgspec import Struct
from rest_framework.request import Request

from routing.api.contracts import answers
from routing.api.database import DatabaseView
from routing.api.figures import LimitLeft, OwnUsage, Used
from routing.api.headers import usd
from tenants.callers import Caller
from usage.selectors import Entities, TimeRange, Totals, totals, used_since


@extend_schema(tags=["Data plane"])
class UsageView(DatabaseView):
    """One's own spend."""

    @extend_schema(
        operation_id="retrieveUsage",
        summary="Own use, spend and limits",
        description="Sums of today and of this month (UTC) by the whole tenant, and this month's by the asking key. "
        "Records reach the sums within seconds of an answer. A cost is null where no price is known.",
        responses=answers(OwnUsage, "What was used", 401),
    )
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(msgspec.json.encode(own_usage(self.caller(request), timezone.now())), "application/json")


class Since(Struct, frozen=True):
    """Where the periods that include `now` begin."""

    minute: datetime
    day: datetime
    month: datetime

    @classmethod
    def of(cls, now: datetime) -> "Since":
        minute = now.astimezone(UTC).replace(second=0, microsecond=0)
        day = minute.replace(hour=0, minute=0)
        return cls(minute, day, day.replace(day=1))


def own_usage(caller: Caller, now: datetime) -> OwnUsage:
    """The figures of a caller's tenant."""
    since = Since.of(now)
    tenant, key = Entities(tenant_id=caller.tenant_id), Entities(tenant_id=caller.tenant_id, key_id=caller.key_id)
    this_month = TimeRange.around(since.month, now, now)
    return OwnUsage(
        object="usage",
        tenant=caller.tenant,
        key=caller.key_name,
        as_of=now.isoformat(),
        today=_used(totals(TimeRange.around(since.day, now, now), tenant)),
        month=_used(totals(this_month, tenant)),
        key_month=_used(totals(this_month, key)),
        limits=_limits(caller, since),
    )


def _used(sums: Totals) -> Used:
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


def _limits(caller: Caller, since: Since) -> list[LimitLeft]:
    """What is left of each window that has a limit; requests that are still running are not counted yet."""
    windows = (
        ("requests_per_minute", caller.limits.requests_per_minute, since.minute, timedelta(minutes=1)),
        ("requests_per_day", caller.limits.requests_per_day, since.day, timedelta(days=1)),
    )
    return [
        LimitLeft(name, limit, max(limit - used_since(start).get(caller.tenant_id, 0), 0), (start + length).isoformat())
        for name, limit, start, length in windows
        if limit is not None
    ]
