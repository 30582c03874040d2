"""When was a client key, a credential or a deployment last used? What waits in the journal is not seen yet."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from django.db.models import Case, Exists, Max, OuterRef, Q, QuerySet, Subquery, When

from providers.models import Credential
from tenants.models import ClientKey
from usage import ids
from usage.models import AttemptRecord, RequestRecord
from usage.ranges import TimeRange
from usage.rollups import ALL_KEYS, ALL_TENANTS, QUARTER, RequestRollup
from usage.selectors.whose import Whose, of


def last_uses(keys: Collection[int]) -> dict[int, datetime]:
    """The start of the newest request of each key that has one: an index look-up per key, in one query."""
    rows = with_newest_request(ClientKey.objects.filter(pk__in=keys).order_by())
    return {row.pk: used for row in rows if (used := newest_request(row))}


def with_newest_request(keys: QuerySet[ClientKey]) -> QuerySet[Any]:
    """Keys with `newest_us`, the start of each one's newest request: an index look-up each."""
    newest = RequestRecord.objects.filter(key_id=OuterRef("pk")).order_by("-id").values("started_us")[:1]
    return keys.annotate(newest_us=Subquery(newest))


def newest_request(row: Any) -> datetime | None:
    """The start of that request, of a row from `with_newest_request`; None where no record of one is kept."""
    started_us = getattr(row, "newest_us", None)
    return None if started_us is None else datetime.fromtimestamp(started_us / 1e6, UTC)


def last_served(period: TimeRange, providers: Collection[str], whose: Whose = None) -> dict[tuple[str, str], datetime]:
    """The start of the newest request of the range that each model of these providers served, by (provider, model).

    Two queries: the sums say in which quarter of an hour it came, and the records of that quarter when.
    """
    low, high = period.seconds
    sums = of(RequestRollup.objects.all(), ALL_TENANTS if whose is None else whose).filter(
        key_id=ALL_KEYS, grain=QUARTER, bucket__gte=low - low % QUARTER, bucket__lt=high,
        provider__in=providers,
    ).exclude(model="")  # fmt: skip
    quarters = list(sums.values_list("provider", "model").annotate(Max("bucket")).order_by())
    if not quarters:
        return {}
    wanted = Q()
    for provider, model, start in quarters:
        bounds = ids.first_id(start * 1000), ids.first_id((start + QUARTER) * 1000)
        wanted |= Q(provider=provider, model=model, id__gte=bounds[0], id__lt=bounds[1])
    rows = of(RequestRecord.objects.filter(wanted), whose)
    newest = rows.values_list("provider", "model").annotate(Max("started_us")).order_by()
    return {(provider, model): datetime.fromtimestamp(us / 1e6, UTC) for provider, model, us in newest}


def with_last_use(credentials: QuerySet[Credential]) -> QuerySet[Any]:
    """Credentials with `newest_request`, the id of the newest that was attempted with each: an index look-up each.

    Attempts name a credential by its provider and its last four characters. Of one that shares these with another of
    its provider, and of a key too short to show any of it, nothing is known.
    """
    of_provider = {"provider": OuterRef("provider"), "last_four": OuterRef("last_four")}
    twins = Credential.objects.filter(**of_provider).exclude(pk=OuterRef("pk"))
    attempts = AttemptRecord.objects.filter(provider=OuterRef("provider__name"), credential=OuterRef("last_four"))
    newest = Subquery(attempts.order_by("-request_id").values("request_id")[:1])
    return credentials.annotate(
        newest_request=Case(When(Q(Exists(twins)) | Q(last_four=""), then=None), default=newest)
    )


def last_use(row: Any) -> datetime | None:
    """The start of that request, of a row from `with_last_use`; None where nothing is known."""
    request_id = getattr(row, "newest_request", None)
    return request_id and datetime.fromtimestamp(ids.instant_ms(request_id.hex) / 1000, UTC)
