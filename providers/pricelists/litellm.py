"""LiteLLM's list: one object per model, USD per token, tiers as fields whose names end in their threshold.

https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.schema.json
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from providers.pricelists.base import PriceList, fee, price, rate
from providers.usdprice import MICRO, UsdPrice

RATES: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
}
FEES: Final = {"input_cost_per_image": "image", "input_cost_per_request": "request"}
MODES: Final = frozenset({"chat", "responses", "embedding", "completion"})
TIER: Final = re.compile(r"(?P<field>.+)_above_(?P<thousands>\d+)k_tokens")


class LiteLLM(PriceList):
    name = "litellm"
    url = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
    vendors: ClassVar[Mapping[str, str]] = {
        "gemini": "google",
        "fireworks_ai": "fireworks",
        "text-completion-openai": "openai",
        "together_ai": "together",
    }

    def entries(self, document: Any) -> Iterable[tuple[tuple[str, str], UsdPrice]]:
        for name, entry in document.items():
            if isinstance(entry, dict) and entry.get("mode") in MODES and entry.get("litellm_provider"):
                vendor = entry["litellm_provider"]
                yield self.key(vendor, name.removeprefix(f"{vendor}/")), _price(entry)


def _price(entry: dict[str, Any]) -> UsdPrice:
    parts: dict[str, Decimal | None] = {ours: rate(entry.get(theirs), MICRO) for theirs, ours in RATES.items()}
    parts |= {ours: fee(entry.get(theirs)) for theirs, ours in FEES.items()}
    tiers: dict[int, dict[str, Decimal | None]] = defaultdict(dict)
    for name, value in entry.items():
        found = TIER.fullmatch(name)
        if found and found["field"] in RATES:
            tiers[int(found["thousands"]) * 1000][RATES[found["field"]]] = rate(value, MICRO)
    return price(parts, tiers.items())
