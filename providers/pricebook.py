"""What did a token cost where, and when? Every price of every deployment, by name and instant, in memory."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db.models import Q
from msgspec import Struct

from providers.embeddings import only_embeds
from providers.models import Deployment, Revision
from providers.pricerows import DeploymentPrice
from providers.prices import histories
from providers.revisions import CATALOG
from providers.targets import Price
from providers.usdprice import exact

MICRO: Final = 1_000_000


class PriceHistory(Struct, frozen=True):
    """The prices of one deployment, the oldest first, each from an instant (UTC microseconds) on; None is unknown."""

    begins_us: tuple[int, ...]
    prices: tuple[Price | None, ...]
    local: bool = False  # the deployment runs on the operator's own hardware

    def at(self, instant_us: int) -> Price | None:
        """What was in effect then."""
        position = bisect_right(self.begins_us, instant_us)
        return self.prices[position - 1] if position else None


NONE: Final = PriceHistory((), ())


class PriceBook:
    """The histories of all deployments. `refresh` reads them where the configuration has changed.

    What was deleted or renamed meanwhile stays known by the name that it had: records name it still.
    """

    def __init__(self) -> None:
        self._histories: dict[str, PriceHistory] = {}
        self._number: int | None = None

    def refresh(self) -> bool:
        """Whether prices were read anew; one query where nothing has changed, three else."""
        number = Revision.objects.filter(part=CATALOG).values_list("number", flat=True).first() or 0
        if number == self._number:
            return False
        self._histories |= _all_histories()
        self._number = number
        return True

    def price(self, deployment: str, instant_us: int) -> Price | None:
        """Of `provider/model` at an instant; None: unknown, never free."""
        return self._histories.get(deployment, NONE).at(instant_us)

    def is_local(self, deployment: str) -> bool:
        """Whether `provider/model` runs on the operator's own hardware, as its provider says now or said last."""
        return self._histories.get(deployment, NONE).local


def histories_called(name: str) -> dict[str, PriceHistory]:
    """Of each deployment of a model, or of the one that is called `provider/model`; in one query."""
    provider, slash, model = name.partition("/")
    meant = Q(deployment__model__name=name)
    if slash:
        meant |= Q(deployment__provider__name=provider, deployment__model__name=model)
    rows = DeploymentPrice.objects.filter(meant).select_related("deployment__model", "deployment__provider")
    found: dict[str, list[DeploymentPrice]] = {}
    for row in rows.order_by("effective_from"):
        found.setdefault(f"{row.deployment.provider.name}/{row.deployment.model.name}", []).append(row)
    return {each: _history(prices, prices[0].deployment.capabilities) for each, prices in found.items()}


def _all_histories() -> Mapping[str, PriceHistory]:
    priced, found = histories(), {}
    columns = ("pk", "provider__name", "model__name", "capabilities", "provider__local")
    for pk, provider, model, capabilities, local in Deployment.objects.values_list(*columns):
        found[f"{provider}/{model}"] = _history(priced.get(pk, []), capabilities, local)
    return found


def _history(rows: list[DeploymentPrice], capabilities: list[str], local: bool = False) -> PriceHistory:
    embeds = only_embeds(capabilities)
    begins_us = tuple(_microseconds(row.effective_from) for row in rows)
    return PriceHistory(begins_us, tuple(exact(row.usd, embeds) for row in rows), local)


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * MICRO + instant.microsecond
