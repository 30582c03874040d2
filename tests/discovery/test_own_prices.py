"""The project's own price list: complete, sourced, honest about what nobody checked, and taken over by discovery."""

from datetime import date
from decimal import Decimal

import pytest

from providers.adoption import adopt
from providers.found import FoundModel, FoundProvider
from providers.models import Deployment
from providers.ownprices import OwnPrice, known_price, own_prices
from providers.priors import priors
from providers.usdprice import COLUMNS, problems

ENTRIES = [(vendor, model, own) for vendor, models in own_prices().prices.items() for model, own in models.items()]


@pytest.mark.parametrize(("vendor", "model", "own"), ENTRIES, ids=lambda part: part if isinstance(part, str) else "")
def test_an_entry_is_a_price_of_a_known_model_with_a_source(vendor: str, model: str, own: OwnPrice) -> None:
    prior = next(prior for prior in priors().models if prior.name == model)
    assert vendor in prior.at and own_prices().sources[vendor].startswith("https://")
    assert not list(problems(own, embeds="embeddings" in prior.can))
    assert set(own.unchecked) <= {*COLUMNS, "tiers"}
    assert own.cached_input is None or own.input is None or own.cached_input <= own.input


def test_every_model_at_a_vendor_has_its_price() -> None:
    missing = {(vendor, prior.name) for prior in priors().models for vendor in prior.at}
    assert missing == {(vendor, model) for vendor, model, _ in ENTRIES}


def test_the_list_says_when_it_was_read_and_compared() -> None:
    assert date(2025, 1, 1) < own_prices().as_of < own_prices().checked_on
    checked, unchecked = known_price("openai", "gpt-5"), known_price("openai", "gpt-4o")
    assert "compared with https://" in checked.source and checked.read_on == own_prices().checked_on
    assert unchecked.source.endswith("not checked") and unchecked.read_on == own_prices().as_of
    assert known_price("nobody", "gpt-5") is None


@pytest.mark.django_db
def test_discovery_takes_over_every_part_of_a_price_with_its_source() -> None:
    model = FoundModel("claude-sonnet-4-5", known_price=known_price("anthropic", "claude-sonnet-4-5"))
    adopt(
        [
            FoundProvider(
                "anthropic", "anthropic", "https://api.anthropic.com/v1", "discovered", "k" * 9, models=(model,)
            )
        ]
    )
    price = Deployment.objects.get().prices.get()
    assert (price.usd.cache_write, price.usd.cache_write_1h) == (Decimal("3.75"), 6)
    assert price.usd.tiers[0].above == 200_000
    assert price.source.startswith("https://") and price.source_date == own_prices().checked_on
