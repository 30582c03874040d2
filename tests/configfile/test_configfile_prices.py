"""Prices in the configuration file: whole, with tiers and dates, told in words, exported as they stand."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers.catalog import load_catalog
from providers.models import DeploymentPrice
from tests.configfile.files import deployment, exported

pytestmark = pytest.mark.django_db
TIERED = """\
    price:
      input: 3
      output: 15
      cached_input: 0.3
      cache_write: 3.75
      cache_write_1h: 6
      request: 0.005
      tiers:
      - {above: 200000, input: 6, output: 22.5}
"""


def test_every_part_of_a_price_is_applied_and_exported(run):
    run(deployment(TIERED))
    price = load_catalog().targets[0].price
    assert (price.cache_write_1h, price.request, price.tiers[0].above) == (6_000_000, 5_000_000_000, 200_000)
    assert (price.tiers[0].price.output, price.tiers[0].price.cached_input) == (22_500_000, 300_000)
    assert run(exported()) == "no change\n"
    assert run(deployment(TIERED)) == "no change\n"


def test_a_price_is_given_whole_and_the_old_one_stays_in_the_history(run):
    run(deployment(TIERED))
    output = run(deployment("    price: {input: 3, output: 12}\n"))
    assert output.startswith("+ price of p/m: output 15 -> 12, cached_input 0.3 -> none, ")
    assert load_catalog().targets[0].price.cached_input is None
    assert DeploymentPrice.objects.count() == 2


def test_a_null_makes_a_price_unknown_and_leaves_the_history(run):
    run(deployment(TIERED))
    run(deployment("    price: null\n"))
    assert load_catalog().targets[0].price is None
    assert "price" not in exported()
    assert run(deployment("    price: null\n")) == "no change\n"
    assert DeploymentPrice.objects.count() == 2


def test_a_planned_price_waits_for_its_time_and_is_exported(run):
    later = (timezone.now() + timedelta(days=3)).replace(microsecond=0)
    planned = f"{{input: 2, output: 4, effective_from: {later.isoformat()}}}"
    file = deployment(f"    price:\n    - {{input: 1, output: 2}}\n    - {planned}\n")
    output = run(file)
    assert f"+ price of p/m from {later.isoformat()}: input 1 -> 2, output 2 -> 4" in output
    catalog = load_catalog()
    assert (catalog.targets[0].price.input, catalog.until) == (1_000_000, later)
    text = exported()
    assert run(file) == run(text) == "no change\n"
    assert exported() == text
    run(file.replace("input: 2", "input: 2.5"))
    assert [row.usd.input for row in DeploymentPrice.objects.order_by("effective_from")] == [1, 2.5]


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ("{input: 1, output: 2, tiers: [{above: 0}]}", "price.tiers"),
        ("{input: 1, output: 2, tiers: [{above: 9, outptu: 1}]}", "outptu: unknown field; nearest: output"),
        ("{input: 1, output: 2, tiers: [{above: 9}, {above: 8}]}", "price.tiers: tiers begin above ascending"),
        ("{input: 1, output: 2, image: -1}", "price.image: -1 is not between 0"),
        ("[{input: 1, output: 2}, {input: 1, output: 3}]", "price: two prices begin at the same time"),
        ("[{input: 1, output: 2}, {input: 1}]", "price[1]: give both input and output"),
        ("{input: 1, output: 2, effective_from: 2026-01-01 00:00:00}", "price.effective_from"),
    ],
)
def test_what_is_no_price_is_named_by_line(refused, price, told):
    message = refused(deployment(f"    price: {price}\n"))
    assert told in message and "line 7" in message
