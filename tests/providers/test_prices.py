"""Prices with dates: which one is in effect, and that workers take up the next one by themselves."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from providers.catalog import Catalog, load_catalog
from providers.models import Deployment, DeploymentPrice, LanguageModel, Provider
from providers.pricerows import BEGINNING
from providers.prices import UNKNOWN, Origin, histories, in_effect, next_change, successor, unpriced, with_prices
from providers.revisions import CATALOG
from providers.snapshots import Snapshot, Watcher
from providers.usdprice import UsdPrice, UsdTier

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
CHEAP, DEAR = UsdPrice(input=Decimal(1), output=Decimal(2)), UsdPrice(input=Decimal(3), output=Decimal(4))
LIST = Origin("https://prices.example/list", NOW.date())


def deployment(model: str = "m", **fields: object) -> Deployment:
    acme, _ = Provider.objects.get_or_create(name="acme", wire="openai", base_url="https://acme.example/v1")
    return Deployment.objects.create(
        provider=acme, model=LanguageModel.objects.create(name=model), upstream_model=model, **fields
    )


def put(row: Deployment, usd: UsdPrice, at: datetime) -> DeploymentPrice | None:
    price = successor(row, histories()[row.pk], usd, at, LIST)
    if price is not None:
        price.save()
    return price


@pytest.mark.django_db
def test_the_first_price_holds_from_the_beginning_and_later_ones_from_their_time():
    row = deployment()
    first, second = put(row, CHEAP, NOW), put(row, DEAR, NOW + timedelta(days=1))
    assert (first.effective_from, second.effective_from) == (BEGINNING, NOW + timedelta(days=1))
    history = histories()[row.pk]
    assert in_effect(history, NOW).usd == CHEAP
    assert in_effect(history, NOW + timedelta(days=1)).usd == DEAR
    assert next_change(history, NOW) == NOW + timedelta(days=1)
    assert next_change(history, NOW + timedelta(days=1)) is None
    assert (history[0].source, history[0].source_date) == ("https://prices.example/list", NOW.date())


@pytest.mark.django_db
def test_the_same_price_again_is_no_new_row_and_tiers_are_part_of_it():
    row = deployment()
    tiered = UsdPrice(input=Decimal(1), output=Decimal(2), tiers=(UsdTier(above=9, input=Decimal("2.5")),))
    assert put(row, UNKNOWN, NOW) is None
    put(row, tiered, NOW)
    assert put(row, tiered, NOW + timedelta(hours=1)) is None
    assert histories()[row.pk][0].usd == tiered
    assert put(row, CHEAP, NOW + timedelta(hours=1)) is not None
    assert put(row, UNKNOWN, NOW + timedelta(hours=2)).usd == UNKNOWN
    assert DeploymentPrice.objects.count() == 3


@pytest.mark.django_db
def test_a_price_of_the_same_instant_is_corrected():
    row = deployment()
    put(row, CHEAP, NOW)
    later = NOW + timedelta(days=1)
    put(row, CHEAP, later)
    put(row, DEAR, later)
    put(row, UsdPrice(input=Decimal(9), output=Decimal(9)), later)
    assert [price.usd.input for price in histories()[row.pk]] == [1, 9]


@pytest.mark.django_db
def test_lists_show_what_is_in_effect_and_find_what_is_unknown():
    past, bare, vectors = deployment("past"), deployment("bare"), deployment("vec", capabilities=["embeddings"])
    put(past, CHEAP, NOW)
    put(past, DEAR, NOW + timedelta(days=1))
    DeploymentPrice.objects.create(deployment=vectors, effective_from=BEGINNING, input="0.02")
    DeploymentPrice.objects.create(deployment=bare, effective_from=NOW + timedelta(days=1), input="1", output="1")
    shown = {row.model.name: row.input_price for row in with_prices(Deployment.objects.all(), NOW)}
    assert shown == {"past": 1, "bare": None, "vec": Decimal("0.02")}
    assert [row.model.name for row in unpriced(Deployment.objects.all(), NOW)] == ["bare"]


@pytest.mark.django_db(transaction=True)
def test_workers_take_up_a_planned_price_when_its_time_comes():
    row = deployment()
    put(row, CHEAP, NOW)
    put(row, DEAR, timezone.now() + timedelta(seconds=0.6))
    snapshot: Snapshot[Catalog] = Snapshot(CATALOG, load_catalog, until=lambda catalog: catalog.until)
    watcher = Watcher([snapshot], interval_s=0.05)
    watcher.start()
    try:
        assert snapshot.current.targets[0].price.input == 1_000_000
        deadline = time.monotonic() + 15
        while snapshot.current.targets[0].price.input == 1_000_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert snapshot.current.targets[0].price.input == 3_000_000
        assert snapshot.current.until is None
    finally:
        watcher.stop()
