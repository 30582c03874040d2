"""Three public shapes of price lists, as their publishers write them; what is no price in them is left out."""

import json
from decimal import Decimal

import pytest

from providers.pricelists import price_lists
from providers.pricelists.base import NoPriceList
from providers.usdprice import UsdPrice, UsdTier

LITELLM = {
    "sample_spec": {"input_cost_per_token": 0.0, "mode": "one of: chat, embedding", "litellm_provider": "one of"},
    "claude-x": {
        "litellm_provider": "anthropic",
        "mode": "chat",
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "cache_read_input_token_cost": 3e-07,
        "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06,
        "input_cost_per_token_above_200k_tokens": 6e-06,
        "output_cost_per_token_above_200k_tokens": 2.25e-05,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
        "input_cost_per_token_batches": 1.5e-06,
    },
    "gemini/gemini-x": {
        "litellm_provider": "gemini",
        "mode": "chat",
        "input_cost_per_token": 1e-07,
        "output_cost_per_token": 4e-07,
        "input_cost_per_audio_token": 7e-07,
        "input_cost_per_image": 0.0001315,
    },
    "dall-e": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_token": 1e-06},
    "no-price": {"litellm_provider": "openai", "mode": "chat"},
}
OPENROUTER = {
    "data": [
        {
            "id": "Vendor/Model-X",
            "pricing": {
                "prompt": "0.00000125",
                "completion": "0.00001",
                "request": "0.005",
                "image": "0",
                "input_cache_read": "0.000000125",
                "internal_reasoning": "0",
            },
        },
        {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "free/model:free", "pricing": {"prompt": "0", "completion": "0"}},
    ]
}
MODELS_DEV = {
    "google": {
        "models": {
            "gemini-x": {
                "cost": {
                    "input": 1.25,
                    "output": 10,
                    "cache_read": 0.125,
                    "input_audio": 1,
                    "tiers": [{"tier": {"type": "context", "size": 200000}, "input": 2.5, "output": 15}],
                    "context_over_200k": {"input": 9, "output": 9},
                }
            },
            "old-x": {"cost": {"input": 1, "output": 2, "context_over_200k": {"input": 2, "output": 3}}},
            "bare": {},
        }
    }
}


def prices(name: str, document: object) -> dict[tuple[str, str], UsdPrice]:
    return price_lists()[name].read(json.dumps(document).encode())


def usd(**rates: str) -> dict[str, Decimal]:
    return {name: Decimal(rate) for name, rate in rates.items()}


def test_litellms_fields_become_rates_fees_and_tiers():
    assert prices("litellm", LITELLM) == {
        ("anthropic", "claude-x"): UsdPrice(
            **usd(input="3", output="15", cached_input="0.3", cache_write="3.75", cache_write_1h="6"),
            tiers=(UsdTier(above=200_000, **usd(input="6", output="22.5", cache_write_1h="12")),),
        ),
        ("google", "gemini-x"): UsdPrice(**usd(input="0.1", output="0.4", audio_input="0.7", image="0.0001315")),
    }


def test_openrouters_zero_of_a_part_is_no_rate_and_minus_one_is_no_price():
    assert prices("openrouter", OPENROUTER) == {
        ("openrouter", "vendor/model-x"): UsdPrice(
            **usd(input="1.25", output="10", cached_input="0.125", request="0.005")
        ),
        ("openrouter", "free/model:free"): UsdPrice(**usd(input="0", output="0")),
    }


def test_models_devs_tiers_win_over_the_older_field():
    assert prices("models.dev", MODELS_DEV) == {
        ("google", "gemini-x"): UsdPrice(
            **usd(input="1.25", output="10", cached_input="0.125", audio_input="1"),
            tiers=(UsdTier(above=200_000, **usd(input="2.5", output="15")),),
        ),
        ("google", "old-x"): UsdPrice(
            **usd(input="1", output="2"), tiers=(UsdTier(above=200_000, **usd(input="2", output="3")),)
        ),
    }


@pytest.mark.parametrize("name", sorted(price_lists()))
@pytest.mark.parametrize("data", [b"<html>", b"[]", b"{}", b'{"data": 1}', b'{"x": {"models": 7}}', b"null"])
def test_what_is_not_the_list_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(NoPriceList):
        price_lists()[name].read(data)


def test_a_list_of_another_shape_is_refused():
    with pytest.raises(NoPriceList):
        prices("litellm", OPENROUTER)
    with pytest.raises(NoPriceList):
        prices("openrouter", MODELS_DEV)
