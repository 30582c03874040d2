"""Which price is in effect, and how does a new one come into effect? Past rows stay: history is never priced anew."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from django.db.models import OuterRef, Q, QuerySet, Subquery
from msgspec import Struct

from providers.models import Deployment
from providers.pricerows import BEGINNING, DeploymentPrice, columns_of
from providers.usdprice import UsdPrice

ONLY_EMBEDS: Final = ["embeddings"]  # as adoption writes it
UNKNOWN: Final = UsdPrice()
History = Sequence[DeploymentPrice]  # of one deployment, the oldest first


class Origin(Struct, frozen=True):
    """Where a price was read, and when."""

    source: str = ""
    read_on: date | None = None


def histories(deployments: Iterable[int] | None = None) -> Mapping[int, list[DeploymentPrice]]:
    """Every price by deployment, the oldest first, in one query."""
    found: dict[int, list[DeploymentPrice]] = defaultdict(list)
    rows = DeploymentPrice.objects.all() if deployments is None else _of(deployments)
    for row in rows.order_by("effective_from"):
        found[row.deployment_id].append(row)
    return found


def in_effect(history: History, at: datetime) -> DeploymentPrice | None:
    """The last price of `history` that has begun at `at`."""
    return next((row for row in reversed(history) if row.effective_from <= at), None)


def next_change(rows: Iterable[DeploymentPrice], now: datetime) -> datetime | None:
    """When the next of `rows` comes into effect."""
    return min((row.effective_from for row in rows if row.effective_from > now), default=None)


def successor(
    deployment: Deployment, history: History, usd: UsdPrice, at: datetime, origin: Origin
) -> DeploymentPrice | None:
    """An unsaved row that makes `usd` the price from `at` on; None where it is that already.

    The first price of a deployment holds from the beginning. A row that begins at that very instant is changed instead.
    """
    if (row := in_effect(history, at)) and row.usd == usd or (not history and usd == UNKNOWN):
        return None
    if row is None or row.effective_from != at:
        row = DeploymentPrice(deployment=deployment, effective_from=at if history else BEGINNING)
    for name, value in columns_of(usd).items():
        setattr(row, name, value)
    row.source, row.source_date = origin.source, origin.read_on
    return row


def with_prices(deployments: QuerySet[Deployment], now: datetime) -> "QuerySet[Deployment]":
    """The same rows with the `input_price` and `output_price` that are in effect, for lists."""
    begun = DeploymentPrice.objects.filter(deployment=OuterRef("pk"), effective_from__lte=now)
    newest = begun.order_by("-effective_from")
    return deployments.annotate(
        input_price=Subquery(newest.values("input")[:1]), output_price=Subquery(newest.values("output")[:1])
    )


def unpriced(deployments: QuerySet[Deployment], now: datetime) -> "QuerySet[Deployment]":
    """Those whose cost is unknown: vectors need an input price alone."""
    half = Q(output_price=None) & ~Q(capabilities=ONLY_EMBEDS)
    return with_prices(deployments, now).filter(Q(input_price=None) | half)


def _of(deployments: Iterable[int]) -> "QuerySet[DeploymentPrice]":
    return DeploymentPrice.objects.filter(deployment__in=list(deployments))
