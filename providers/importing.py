"""Which models does a provider list that have no deployment yet? They are added on an operator's word."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from providers.adapters.base import ListedModel
from providers.adoption import add_models
from providers.listing import listed_models
from providers.models import Provider
from providers.vendors import VENDORS, Vendor

MANY: Final = 50  # of a listing this long only well-known models are switched on


def import_models(provider: Provider, listed: Sequence[ListedModel]) -> int:
    """Add the missing deployments, with what is known of their models; change none. Return how many."""
    return add_models(provider, listed_models(_vendor(provider, len(listed)), False, listed))


def _vendor(provider: Provider, count: int) -> Vendor:
    """The known vendor at the provider's address, else one like it."""
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
