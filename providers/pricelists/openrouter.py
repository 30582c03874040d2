"""OpenRouter's list: what it bills itself, USD per token as decimal text, -1 where it depends.

https://openrouter.ai/docs/api-reference/list-available-models
"""

from collections.abc import Iterable
from typing import Any, Final

from providers.pricelists.base import PriceList, fee, price, rate
from providers.usdprice import MICRO, UsdPrice

WHOLE: Final = {"prompt": "input", "completion": "output"}
# 0 means here that a part has no rate of its own.
PARTS: Final = {
    "input_cache_read": "cached_input",
    "input_cache_write": "cache_write",
    "internal_reasoning": "reasoning",
    "audio": "audio_input",
}
FEES: Final = {"image": "image", "request": "request"}


class OpenRouter(PriceList):
    name = "openrouter"
    url = "https://openrouter.ai/api/v1/models"

    def entries(self, document: Any) -> Iterable[tuple[tuple[str, str], UsdPrice]]:
        for entry in document["data"]:
            given = entry.get("pricing") or {}
            parts = {ours: rate(given.get(theirs), MICRO) for theirs, ours in WHOLE.items()}
            parts |= {ours: rate(given.get(theirs), MICRO) or None for theirs, ours in PARTS.items()}
            parts |= {ours: fee(given.get(theirs)) for theirs, ours in FEES.items()}
            yield self.key(self.name, entry["id"]), price(parts, ())
