"""models.dev's list: providers with their models, USD per million tokens, tiers by context.

https://github.com/anomalyco/models.dev
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from providers.pricelists.base import PriceList, price, rate
from providers.usdprice import UsdPrice

RATES: Final = {
    "input": "input",
    "output": "output",
    "cache_read": "cached_input",
    "cache_write": "cache_write",
    "reasoning": "reasoning",
    "input_audio": "audio_input",
    "output_audio": "audio_output",
}
OLD_TIER: Final = 200_000  # of `context_over_200k`, which stands beside `tiers` for older readers


class ModelsDev(PriceList):
    name = "models.dev"
    url = "https://models.dev/api.json"
    vendors: ClassVar[Mapping[str, str]] = {"fireworks-ai": "fireworks", "togetherai": "together"}

    def entries(self, document: Any) -> Iterable[tuple[tuple[str, str], UsdPrice]]:
        for vendor, provider in document.items():
            for model, entry in provider["models"].items():
                if cost := entry.get("cost"):
                    yield self.key(vendor, model), price(_rates(cost), _tiers(cost))


def _rates(cost: dict[str, Any]) -> dict[str, Decimal | None]:
    return {ours: rate(cost.get(theirs)) for theirs, ours in RATES.items()}


def _tiers(cost: dict[str, Any]) -> Iterator[tuple[int, dict[str, Decimal | None]]]:
    tiers = cost.get("tiers") or []
    if not tiers and isinstance(cost.get("context_over_200k"), dict):
        yield OLD_TIER, _rates(cost["context_over_200k"])
    for tier in tiers:
        size = (tier.get("tier") or {}).get("size")
        if isinstance(size, int):
            yield size, _rates(tier)
