"""Pitfall 11: prices are exact, per million tokens, with a preview; checked, audited, live; what holds stays."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from providers.catalog import load_catalog
from providers.models import AuditEntry, Deployment, DeploymentPrice
from providers.priceadmin import typical_cost
from providers.pricerows import BEGINNING
from providers.revisions import CATALOG, numbers
from providers.usdprice import COLUMNS, RATES, UsdPrice
from tests.admin import rows
from tests.admin.pages import fill


def add_price(operator: Client, row: Deployment, **columns: str) -> HttpResponse:
    """Add a price as the page's button does, from now on unless said otherwise."""
    now = timezone.now()
    stored = row.prices.count()
    typed = {"effective_from_0": f"{now:%Y-%m-%d}", "effective_from_1": f"{now:%H:%M:%S}", **columns}
    fields = {f"prices-{stored}-{name}": value for name, value in typed.items()}
    return save(operator, row, **{"prices-TOTAL_FORMS": str(stored + 1)}, **fields)


def save(operator: Client, row: Deployment, **values: Any) -> HttpResponse:
    return fill(operator, reverse("admin:providers_deployment_change", args=[row.pk]), "deployment_form", **values)


def test_pitfall_11_a_new_price_is_live_and_in_the_audit_log(operator: Client) -> None:
    row = rows.deployment()
    DeploymentPrice.objects.create(deployment=row, effective_from=BEGINNING, input="1", output="2")
    before = numbers().get(CATALOG, 0)
    tiers = "200000: input 6, output 22.5\r\n\r\n500_000: output 30"
    assert add_price(operator, row, input="3", output="15", cache_write_1h="6", tiers=tiers).status_code == 302
    price = load_catalog().by_id[row.pk].price
    assert (price.input, price.cache_write_1h) == (3_000_000, 6_000_000)
    assert [(tier.above, tier.price.input, tier.price.output) for tier in price.tiers] == [
        (200_000, 6_000_000, 22_500_000),
        (500_000, 3_000_000, 30_000_000),
    ]
    assert numbers()[CATALOG] == before + 1
    entry = AuditEntry.objects.get(kind="price")
    assert entry.action == "added" and entry.changes["input"] == [None, "3"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"input": "0.15"}, "half a price"),
        ({"input": "1", "output": "1", "tiers": "many: input 3"}, "is not of the form tokens: rate USD"),
        ({"input": "1", "output": "1", "tiers": "9: inptu 3"}, "is not of the form tokens: rate USD"),
        ({"input": "1", "output": "1", "tiers": "9: input 3\n9: input 4"}, "ascending numbers"),
    ],
)
def test_pitfall_11_what_is_no_price_is_refused_with_an_example(
    operator: Client, columns: dict[str, str], told: str
) -> None:
    row = rows.deployment()
    response = add_price(operator, row, **columns)
    assert response.status_code == 200 and told in response.content.decode()
    assert not row.prices.exists()


def test_pitfall_11_a_planned_price_can_be_withdrawn_and_a_past_one_cannot(operator: Client) -> None:
    row = rows.deployment()
    past = DeploymentPrice.objects.create(deployment=row, effective_from=BEGINNING, input="1", output="2")
    planned = DeploymentPrice.objects.create(
        deployment=row, effective_from=timezone.now() + timedelta(days=1), input="3", output="4"
    )
    response = save(operator, row, **{"prices-1-DELETE": "on"})  # the newest comes first
    assert "has been in effect stays" in response.content.decode()
    assert save(operator, row, **{"prices-0-DELETE": "on"}).status_code == 302
    assert list(row.prices.all()) == [past]
    assert AuditEntry.objects.get(kind="price").object_name == str(planned)


def test_pitfall_11_what_is_stored_cannot_be_rewritten(operator: Client) -> None:
    row = rows.deployment()
    DeploymentPrice.objects.create(deployment=row, effective_from=BEGINNING, input="1", output="2")
    save(operator, row, **{"prices-0-input": "9", "retries": "0"})
    assert row.prices.get().input == Decimal(1)


def test_pitfall_11_the_list_shows_and_finds_unknown_prices(operator: Client) -> None:
    priced, bare = rows.deployment(), rows.deployment()
    DeploymentPrice.objects.create(deployment=priced, effective_from=BEGINNING, input="0.15", output="0.6")
    where = reverse("admin:providers_deployment_changelist")
    assert "0.15 / 0.6" in operator.get(where).content.decode()
    unknown = operator.get(where, {"price": "unknown"}).content.decode()
    assert str(bare) in unknown and str(priced) not in unknown


def test_pitfall_11_fields_take_any_decimal_and_their_labels_say_the_unit(operator: Client) -> None:
    page = operator.get(reverse("admin:providers_deployment_change", args=[rows.deployment().pk])).content.decode()
    inputs = {
        name: tag
        for tag in re.findall(r"<input[^>]*>", page)
        if (name := _attribute(tag, "name")).startswith("prices-__")
    }
    for name in COLUMNS:
        tag = inputs[f"prices-__prefix__-{name}"]
        assert _attribute(tag, "type") == "number" and _attribute(tag, "step") == "any", tag
    assert page.count("USD per million tokens") >= len(RATES)


def test_pitfall_11_a_small_price_is_kept_to_the_last_digit(operator: Client) -> None:
    row = rows.deployment()
    assert add_price(operator, row, input="0.000001", output="999999.999999").status_code == 302
    price = row.prices.get()
    assert (price.input, price.output) == (Decimal("0.000001"), Decimal("999999.999999"))
    assert load_catalog().by_id[row.pk].price.input == 1


def test_pitfall_11_the_preview_says_what_a_thousand_typical_requests_cost(operator: Client) -> None:
    row = rows.deployment()
    where = reverse("admin:providers_deployment_change", args=[row.pk])
    assert "1,000 typical requests = — (no price: cost is unknown)" in operator.get(where).content.decode()
    add_price(operator, row, input="0.15", output="0.9")
    assert "1,000 typical requests = $0.4200 (1,000 tokens of prompt, 300 of answer each)" in _text(operator, where)


@pytest.mark.parametrize(
    ("usd", "embeds", "told"),
    [
        (UsdPrice(input=Decimal("0.15"), output=Decimal("0.9"), request=Decimal("0.001")), False, "$1.42 ("),
        (UsdPrice(input=Decimal("0.000001"), output=Decimal(0)), False, "$0.0000010 ("),
        (UsdPrice(input=Decimal(0), output=Decimal(0)), False, "$0.00 ("),
        (UsdPrice(input=Decimal("0.02")), True, "$0.0200 (1,000 tokens of prompt each)"),
        (UsdPrice(input=Decimal("0.02")), False, "— (no price"),
    ],
)
def test_pitfall_11_the_preview_counts_fees_and_never_takes_unknown_for_free(
    usd: UsdPrice, embeds: bool, told: str
) -> None:
    assert f"1,000 typical requests = {told}" in typical_cost(usd, embeds)


def _text(client: Client, where: str) -> str:
    return client.get(where).content.decode()


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found[1] if found else ""
