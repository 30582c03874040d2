"""What do well-known models cost at their vendors? The project's own small list, with where each number was read."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from providers.usdprice import UsdPrice

FILE: Final = Path(__file__).with_name("pricelist.yaml")


class OwnPrice(UsdPrice, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry; `unchecked` names the parts that the second source did not have."""

    checked: bool = True
    unchecked: tuple[str, ...] = ()


class OwnPrices(Struct, frozen=True, forbid_unknown_fields=True):
    """The file: prices by vendor and by our name of the model."""

    as_of: date  # when its author last looked at the sources
    checked_against: str
    checked_on: date
    sources: dict[str, str]
    prices: dict[str, dict[str, OwnPrice]]


class KnownPrice(Struct, frozen=True):
    """A price with its origin."""

    usd: UsdPrice
    source: str
    read_on: date


def known_price(vendor: str, model: str) -> KnownPrice | None:
    """What `vendor` bills for the model that we call `model`."""
    listed = own_prices()
    own = listed.prices.get(vendor, {}).get(model)
    if own is None:
        return None
    usd = UsdPrice(**{name: getattr(own, name) for name in UsdPrice.__struct_fields__})
    source = listed.sources[vendor]
    if own.checked:
        return KnownPrice(usd, f"{source}, compared with {listed.checked_against}", listed.checked_on)
    return KnownPrice(usd, f"{source}, not checked", listed.as_of)


@cache
def own_prices() -> OwnPrices:
    """The whole file, read once."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=OwnPrices)
