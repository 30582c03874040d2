"""What does a provider list, and which of it is here already? Models are added on an operator's word."""

from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import urlsplit

from django.db import transaction
from msgspec import Struct

from providers import audit
from providers.adapters.base import ListedModel
from providers.adoption import add_models, known_names, listed_price
from providers.found import FoundModel
from providers.listing import listed_models
from providers.models import Provider
from providers.usdprice import UsdPrice
from providers.vendors import VENDORS, Vendor

MANY: Final = 50  # of a listing this long only well-known models are switched on


class Offer(Struct, frozen=True):
    """A listed model that chats or embeds; `here` names the deployment that serves it already, empty: none does."""

    model: FoundModel
    here: str
    usd: UsdPrice | None  # None: unknown


def offers(provider: Provider, listed: Sequence[ListedModel]) -> list[Offer]:
    """What `provider` lists and could serve, in the order of its listing."""
    rows = provider.deployments.values_list("upstream_model", "model_id", "model__name")
    by_upstream = {upstream: name for upstream, _, name in rows}
    by_model = {model_id: name for _, model_id, name in rows}
    ids = known_names()
    found = listed_models(vendor_of(provider, len(listed)), False, listed)
    return [Offer(model, _here(model, by_upstream, by_model, ids), _usd(provider, model)) for model in found]


@transaction.atomic
def import_models(
    provider: Provider, offered: Sequence[Offer], chosen: Collection[str], actor: audit.Actor
) -> list[FoundModel]:
    """Add deployments for the `chosen` of what is `offered`, by the provider's names; return what was added. The audit
    log says it once for all of them."""
    wanted = [offer.model for offer in offered if not offer.here and offer.model.upstream_model in chosen]
    before = set(provider.deployments.values_list("upstream_model", flat=True))
    add_models(provider, wanted)
    made = set(provider.deployments.values_list("upstream_model", flat=True)) - before
    added = [model for model in wanted if model.upstream_model in made]
    if added:
        names = [model.upstream_model for model in added]
        changes: audit.Changes = {"deployments": [len(before), len(before) + len(added)], "models": [None, names]}
        audit.record(actor, "imported models", provider, changes)
    return added


def vendor_of(provider: Provider, count: int) -> Vendor:
    """The known vendor at the provider's address, else one like it; `count` is how many models it lists."""
    host = urlsplit(provider.base_url).hostname
    known = (v for v in VENDORS if not v.local and v.wire == provider.wire and urlsplit(v.base_url).hostname == host)
    return next(known, None) or Vendor(
        name=provider.name,
        wire=provider.wire,
        base_url=provider.base_url,
        url_names=(),
        local=provider.local,
        many=count > MANY,
    )


def _here(model: FoundModel, by_upstream: dict[str, str], by_model: dict[int, str], ids: dict[str, int]) -> str:
    known = ids.get(model.name or model.upstream_model)
    return by_upstream.get(model.upstream_model) or (by_model.get(known, "") if known else "")


def _usd(provider: Provider, model: FoundModel) -> UsdPrice | None:
    price = listed_price(provider, model)
    return price.usd if price else None
