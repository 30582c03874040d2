"""Public price lists: one file per shape, found by discovery."""

from collections.abc import Mapping
from functools import cache

from neuroroute.plugins import discover
from providers.pricelists.base import PriceList


@cache
def price_lists() -> Mapping[str, PriceList]:
    """Every list that can be read, by its name."""
    return {name: cls() for name, cls in sorted(discover("providers.pricelists", PriceList).items())}
