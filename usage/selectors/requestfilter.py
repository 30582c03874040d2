"""Which requests are meant? What they have in common, as a condition on their records."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from msgspec import Struct

from usage.fold import SERVED_STATUSES
from usage.models import RequestRecord
from usage.outcomes import Status
from usage.selectors.failures import Failing
from usage.selectors.whose import Whose, of

NOBODY: Final = ""
_UNINDEXED: Final[Mapping[str, str]] = {  # the field, and what it asks of which column
    "min_cost_nano_usd": "cost_nano_usd__gte",
    "max_cost_nano_usd": "cost_nano_usd__lte",
    "min_total_ms": "total_ms__gte",
    "min_ttft_ms": "ttft_ms__gte",
    "min_attempts": "attempts_count__gte",
    "streamed": "stream",
    "finish": "finish_reason",
}


class RequestFilter(Struct, frozen=True):
    """What the listed requests have in common; None is no condition, '' is "has none"."""

    status: Status | Literal["failover", "errors", "unpriced"] | None = None  # errors: failed, interrupted
    tenant_id: Whose = None
    key_id: int | None = None
    provider: str | None = None
    model: str | None = None
    policy: str | None = None
    first_choice: str | None = None  # provider/model
    served: str | None = None  # provider/model; '': nobody served
    session: str | None = None
    task: str | None = None  # its category
    error: str | None = None  # a class of error that it, or one of its attempts, ended with
    failed: str | None = None  # where an attempt failed: provider/model, either may be *
    # What no index knows is looked for in a window of those that fit the rest (`usage.selectors.window`):
    tag: str | None = None  # one that it carries
    min_cost_nano_usd: int | None = None  # an unknown cost fits no bound, nor does an unknown time
    max_cost_nano_usd: int | None = None
    min_total_ms: int | None = None
    min_ttft_ms: int | None = None
    min_attempts: int | None = None
    streamed: bool | None = None
    finish: str | None = None  # why the answer ended

    @property
    def failing(self) -> Failing | None:
        """What is asked of its attempts; None: nothing."""
        return Failing(self.error, self.failed, self.tenant_id) if self.error or self.failed else None

    @property
    def unindexed(self) -> tuple[str, ...]:
        """The fields in use that no index knows."""
        return tuple(name for name in ("tag", *_UNINDEXED) if getattr(self, name) is not None)

    @property
    def bounds(self) -> Q:
        """Those of them that are columns."""
        named = {_UNINDEXED[name]: getattr(self, name) for name in self.unindexed if name != "tag"}
        return _columns(named)


def matching(chosen: RequestFilter) -> "QuerySet[RequestRecord]":
    """What indexes know of the filter; its `failing` and `unindexed` are asked apart."""
    conditions = _columns(
        {
            "key_id": chosen.key_id,
            "provider": chosen.provider,
            "model": chosen.model,
            "policy": chosen.policy,
            "first_choice": chosen.first_choice,
            "session": chosen.session,
            "category": chosen.task,
        }
    )
    if chosen.served is not None:
        conditions &= _served(chosen.served)
    whose = RequestRecord.objects.all()
    if chosen.tenant_id is not None or chosen.key_id is None:  # a key that is asked for is one tenant's
        whose = of(whose, chosen.tenant_id)
    found = whose.filter(conditions & _status(chosen.status))
    if chosen.first_choice and chosen.served not in (None, chosen.first_choice):
        return found.filter(_DIVERTED)
    return found


def _columns(named: Mapping[str, Any]) -> Q:
    """None is no condition, '' is "has none"."""
    conditions = Q()
    for column, value in named.items():
        if value is not None:
            conditions &= Q(**{column: value}) if value != "" else Q(**{f"{column}__isnull": True})
    return conditions


def _served(name: str) -> Q:
    """Exactly the requests that `reliability.flow` counts for this deployment."""
    counted = Q(status__in=SERVED_STATUSES)
    if name == NOBODY:
        return counted & Q(provider__isnull=True)
    provider, _, model = name.partition("/")
    return counted & Q(provider=provider, model=model)


# SQLite takes a partial index only where its condition stands in the query word for word, without a parameter: these
# are the conditions of request_troubled and request_diverted.
_TROUBLED: Final = ~Q(status=RawSQL("'answered'", ()))
_DIVERTED: Final = RawSQL("first_choice <> COALESCE(provider || '/' || model, '')", (), BooleanField())


def _status(status: str | None) -> Q:
    if status is None:
        return Q()
    if status == "failover":
        return Q(failovers__gt=RawSQL("0", ()))
    if status == "errors":
        return Q(status__in=("failed", "interrupted")) & _TROUBLED
    if status == "unpriced":
        return Q(cost_nano_usd__isnull=True) & (Q(provider__isnull=False) | Q(prompt_tokens__isnull=False))
    return Q(status=status) if status == "answered" else Q(status=status) & _TROUBLED
