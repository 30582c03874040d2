"""When is it slow? The hours of the week, and the course of each deployment."""

import random
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tenants.models import Tenant
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import outcome, ship
from tests.people import browser_of, staff
from usage.outcomes import Outcome

pytestmark = pytest.mark.django_db
PANEL = "/dashboard/panels/latency/latency_heatmap/"


@pytest.fixture
def slow_hour(tmp_path) -> datetime:
    """Two days ago, 30 requests at 100 ms within an hour, 30 at 900 ms in the next, 5 in the one after."""
    rng = random.Random(3)
    hour = (datetime.now(UTC) - timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    told: list[Outcome] = []
    for later, (many, ttft) in enumerate(((30, 100.0), (30, 900.0), (5, 100.0))):
        at = hour + timedelta(hours=later)
        same = {"ttft_ms": ttft, "status": "answered", "tenant_id": 1, "tenant": "demo"}
        told += [outcome(at + timedelta(minutes=2 * n), rng, **same) for n in range(many // 2 * 2)]
    ship([one for one in told if one.provider], tmp_path / "spool")
    return hour


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_the_slow_hour_is_the_darkest_by_the_clock_of_the_page(staff_client, slow_hour, zone):
    head, *rows = rows_of(staff_client, "latency/latency_heatmap", range="7d", tz=zone)
    assert head == ["Day", "Hour", "Samples", "p50, ms", "p95, ms", "p99, ms"] and len(rows) == 7 * 24
    known = {(day, int(hour)): float(p95) for day, hour, _, _, p95, _ in rows if p95}
    slowest = (slow_hour + timedelta(hours=1)).astimezone(ZoneInfo(zone))
    assert max(known, key=lambda when: known[when]) in {
        (f"{when:%a}", when.hour) for when in (slowest, slowest + timedelta(minutes=30))
    }
    page = staff_client.get(PANEL, {"range": "7d", "tz": zone}).content.decode()
    assert re.search(r'class="q9" title="[^"]+p95 (8|9)\d\d ms', page)
    if zone == "UTC":
        assert sorted(known) == sorted(
            (f"{when:%a}", when.hour) for when in (slow_hour, slow_hour + timedelta(hours=1))
        )


def test_too_few_samples_have_a_dot_and_no_shade(staff_client, slow_hour):
    page = staff_client.get(PANEL, {"range": "24h"}).content.decode()  # a week all the same
    when = slow_hour + timedelta(hours=2)
    assert re.search(rf'<td title="{when:%a} {when:%H}:00: \d+ of 20 samples">·</td>', page)


def test_the_page_fetches_it_and_without_a_script_a_link_leads_there(staff_client, slow_hour):
    page = staff_client.get("/dashboard/latency/", {"range": "7d"}).content.decode()
    assert f'hx-get="{PANEL}?range=7d" hx-trigger="load"' in page and f'<a href="{PANEL}?range=7d">Show</a>' in page


def test_it_is_of_the_tenants_in_sight(slow_hour):
    other = Tenant.objects.create(pk=7, name="other")
    member = browser_of(staff("mia", "viewer", tenants=(other,)))
    page = text_of(member.get(PANEL, {"range": "7d"}))
    assert "slowest on" not in page and "No request has come yet" in page


def test_each_deployment_has_its_course(staff_client, traffic, slow_hour):
    latency = staff_client.get("/dashboard/latency/", {"range": "7d", "group": "deployment"}).content.decode()
    assert latency.count('<td class="course"><svg') >= 1
    reliability = staff_client.get("/dashboard/reliability/", {"range": "7d"}).content.decode()
    rows = reliability.split('id="panel-deployments"')[1].split("</table>")[0].count("<tbody")
    assert reliability.count('<td class="course"><svg') == rows > 3
