"""What a public price list is: an address, and how its JSON becomes prices."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from providers.usdprice import FEES, SMALLEST_FEE_STEP, SMALLEST_STEP, UsdPrice, UsdTier, listed

Prices = dict[tuple[str, str], UsdPrice]  # by (vendor, the vendor's name of the model), both in lower case


class NoPriceList(ValueError):
    """What was read is not the list that it should be."""


class PriceList(ABC):
    """One shape of price list."""

    name: ClassVar[str]
    url: ClassVar[str]  # where it is published
    vendors: ClassVar[Mapping[str, str]] = {}  # the list's words for vendors whom we call otherwise

    def read(self, data: bytes) -> Prices:
        """Every price that can be used; raises `NoPriceList` where there is none."""
        try:
            found = dict(self.entries(msgspec.json.decode(data)))
        except (msgspec.DecodeError, AttributeError, KeyError, TypeError) as exc:
            raise NoPriceList(f"this is not the JSON of {self.name}: {type(exc).__name__}: {exc}") from exc
        prices = {key: usd for key, usd in found.items() if usd.input is not None}
        if not prices:
            raise NoPriceList(f"{self.name}: no price in it")
        return prices

    @abstractmethod
    def entries(self, document: Any) -> Iterable[tuple[tuple[str, str], UsdPrice]]:
        """(vendor, model) with its price; without an input price it is left out."""

    def key(self, vendor: str, model: str) -> tuple[str, str]:
        return self.vendors.get(vendor.lower(), vendor.lower()), model.lower()


def rate(value: Any, per: int = 1) -> Decimal | None:
    """A list's number or text as USD per million tokens; `per` is a million where the list has USD per token."""
    return _usd(value, per, SMALLEST_STEP)


def fee(value: Any) -> Decimal | None:
    """A price per image or request; none where it is 0."""
    return _usd(value, 1, SMALLEST_FEE_STEP) or None


def price(parts: Mapping[str, Decimal | None], tiers: Iterable[tuple[int, Mapping[str, Decimal | None]]]) -> UsdPrice:
    """Put together what a list says; a tier that says nothing is none."""
    given = {above: {n: usd for n, usd in rates.items() if usd is not None and n not in FEES} for above, rates in tiers}
    kept = tuple(UsdTier(above=above, **given[above]) for above in sorted(given) if above > 0 and given[above])
    return UsdPrice(**{name: usd for name, usd in parts.items() if usd is not None}, tiers=kept)


def _usd(value: Any, per: int, step: Decimal) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    exact = listed(str(value), step=Decimal("1e-18")) if per > 1 else listed(str(value), step)
    return None if exact is None else listed(str(exact * per), step)
