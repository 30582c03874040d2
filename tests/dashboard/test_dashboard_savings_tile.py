"""Does the tile on the first page say what the page of savings says?"""

import re

import pytest

from tests.dashboard.comparables import LARGE, SMALL, six, stock, told
from tests.dashboard.traffic import ship

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def catalogue(db):
    stock()


def tile_of(answer) -> str:
    tile = answer.content.decode().split(">Savings</div>")[1].split("</a>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", tile).split())


def test_it_says_what_the_page_of_savings_says(staff_client, tmp_path):
    six(tmp_path / "spool")
    answer = staff_client.get("/dashboard/")
    assert tile_of(answer) == "$0.5300 no earlier data 1 of 6 not compared"
    tile = answer.content.decode().split(">Savings</div>")[1].split("</a>")[0]
    assert 'title="64.6 % of $0.8200 at the dearest eligible candidates, over 5 requests"' in tile and "<svg" in tile


def test_the_tile_compares_with_the_period_before(staff_client, tmp_path):
    both = (LARGE, SMALL)
    ship([told(SMALL, both, 2, 1), *(told(SMALL, both, 2, 70 + n) for n in range(4))], tmp_path / "spool")
    assert tile_of(staff_client.get("/dashboard/?range=1h")) == "$0.1800 −75.0 % vs previous period"


@pytest.mark.parametrize(("words", "zone"), [("24h", "UTC"), ("24h", "Asia/Kolkata"), ("30d", "UTC")])
def test_its_line_has_the_buckets_of_the_requests_and_the_cost_beside_it(staff_client, tmp_path, words, zone):
    """Two requests in some hours of two days and one in others, of one cost: the three lines rise and fall together. Of
    days it has those of UTC in every zone."""
    ship([told(SMALL, (LARGE, SMALL), 2, 30 * n + 5) for n in range(96) if n % 5], tmp_path / "spool")
    page = staff_client.get("/dashboard/", {"range": words, "tz": zone}).content.decode()

    def line(label: str) -> str:
        return re.search(r'<polyline points="([^"]*)"', page.split(f">{label}</div>")[1].split("</a>")[0])[1]

    assert line("Savings") == line("Requests") == line("Cost")
    assert len(set(re.findall(r",([\d.]+)", line("Savings")))) > 1


def test_the_tile_has_a_dash_where_nothing_can_be_compared(staff_client, tmp_path):
    assert tile_of(staff_client.get("/dashboard/")) == "$0.00 nothing answered"
    ship([told("d/unpriced", ("d/unpriced",), None, 1)], tmp_path / "spool")
    assert tile_of(staff_client.get("/dashboard/")) == "— nothing to compare with"
