"""Prices in the admin: added beside the history, checked, audited, live; what was in effect stays."""

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
from providers.pricerows import BEGINNING
from providers.revisions import CATALOG, numbers
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


def test_a_new_price_is_live_and_in_the_audit_log(operator: Client) -> None:
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
def test_what_is_no_price_is_refused_with_an_example(operator: Client, columns: dict[str, str], told: str) -> None:
    row = rows.deployment()
    response = add_price(operator, row, **columns)
    assert response.status_code == 200 and told in response.content.decode()
    assert not row.prices.exists()


def test_a_planned_price_can_be_withdrawn_and_a_past_one_cannot(operator: Client) -> None:
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


def test_what_is_stored_cannot_be_rewritten(operator: Client) -> None:
    row = rows.deployment()
    DeploymentPrice.objects.create(deployment=row, effective_from=BEGINNING, input="1", output="2")
    save(operator, row, **{"prices-0-input": "9", "retries": "0"})
    assert row.prices.get().input == Decimal(1)


def test_the_list_shows_and_finds_unknown_prices(operator: Client) -> None:
    priced, bare = rows.deployment(), rows.deployment()
    DeploymentPrice.objects.create(deployment=priced, effective_from=BEGINNING, input="0.15", output="0.6")
    where = reverse("admin:providers_deployment_changelist")
    assert "0.15 / 0.6" in operator.get(where).content.decode()
    unknown = operator.get(where, {"price": "unknown"}).content.decode()
    assert str(bare) in unknown and str(priced) not in unknown
