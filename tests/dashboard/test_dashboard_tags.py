"""Is money told by tag, as exactly as by anything else, and is it said what is not kept?"""

import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from dashboard.outlooks import outlooks
from tenants.budgets import Budget
from tenants.models import Tenant
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import TENANTS, outcome, ship
from tests.people import staff
from usage.journal import Journal
from usage.models import TagRollup
from usage.rollups import OTHER_TAGS
from usage.selectors import Entities, TimeRange, by, totals
from usage.shipper import Shipper
from usage.tagcap import TagCap

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC) - timedelta(minutes=2)
CENT = 10**7


def told(tags: list[str], cents: int, minutes: float = 1, tenant: int = 0, **facts):
    tenant_id, name, key_id, prefix = TENANTS[tenant]
    facts |= {"tenant_id": tenant_id, "tenant": name, "key_id": key_id, "key_prefix": prefix, "status": "answered"}
    facts |= {"tags": tags, "cost_nano_usd": cents * CENT}
    return outcome(NOW - timedelta(minutes=minutes), random.Random(minutes + cents), **facts)


@pytest.fixture
def shipped(tmp_path):
    for name in ("demo", "team-a"):
        Tenant.objects.get_or_create(name=name, defaults={"pk": {"demo": 1, "team-a": 2}[name]})
    outcomes = [
        told(["search", "beta"], 10),
        told(["search"], 5, 2),
        told([], 3, 3),
        told(["search"], 7, 4, tenant=1),
    ]
    ship(outcomes, tmp_path / "spool")


def hour() -> TimeRange:
    now = datetime.now(UTC)
    return TimeRange.around(now - timedelta(hours=1), now, now)


def costs(entities: Entities = Entities()):  # noqa: B008 - frozen
    return {group.value: group.totals.cost_nano_usd // CENT for group in by("tag", hour(), entities)}


def test_a_request_counts_under_each_of_its_tags(shipped):
    assert costs() == {"search": 22, "beta": 10, "": 3}
    assert costs(Entities(tenant_id=2)) == {"search": 7}
    assert totals(hour(), Entities(tag="search")).cost_nano_usd == 22 * CENT


def test_tags_beyond_the_cap_count_together(tmp_path):
    journal, shipper = Journal(tmp_path / "spool", "test"), Shipper(tmp_path / "spool")
    shipper._tags = TagCap(most=2)
    for number, tags in enumerate((["a"], ["b"], ["c"], ["a", "d"], [])):
        journal.write(told(tags, 1, 1 + number / 1000))
    journal.close()
    while shipper.ship_batch():
        pass
    assert costs() == {"a": 2, "b": 1, OTHER_TAGS: 2, "": 1}


def test_the_cap_knows_what_another_shipper_has_let_in(tmp_path):
    ship([told(["a"], 1)], tmp_path / "spool")
    minute = TagRollup.objects.filter(grain=60).values_list("bucket", flat=True)[0]
    capped = TagCap(most=1).capped({(1, minute, "b"): [1], (1, minute, "a"): [2], (1, minute, "c"): [4]})
    assert capped == {(1, minute, OTHER_TAGS): [5], (1, minute, "a"): [2]}


def test_cost_is_told_by_tag_and_a_request_of_two_tags_is_in_the_total_once(staff_client, shipped):
    rows = {row[0]: row[4] for row in rows_of(staff_client, "cost/cost_groups", range="1h", group="tag")}
    assert (rows["search"], rows["beta"], rows["none"]) == ("0.22", "0.1", "0.03")
    answer = staff_client.get("/dashboard/cost/?range=1h&group=tag")
    assert "A request counts under each of its tags" in text_of(answer)
    assert "$0.2500" in answer.content.decode().split("<tfoot>")[1].split("</tfoot>")[0]
    assert "tag=search" in answer.content.decode()


def test_cost_over_time_draws_the_six_dearest_tags_and_adds_the_others_up(staff_client, tmp_path):
    ship([told([f"t{cents}", "all"], cents, cents) for cents in range(1, 10)], tmp_path / "spool")
    head, *rows = rows_of(staff_client, "cost/cost_over_time", range="1h", group="tag")
    names = [name.removesuffix(", USD") for name in head[1:] if "previous" not in name]
    assert names == ["all", "t9", "t8", "t7", "t6", "t5", "Other"]
    drawn = {name: sum(float(row[head.index(f"{name}, USD")]) for row in rows) for name in names}
    assert {name: round(cost * 100) for name, cost in drawn.items()} == {
        "all": 45,
        **{f"t{cents}": cents for cents in range(5, 10)},
        "Other": 1 + 2 + 3 + 4,
    }


def test_a_tag_filters_cost_and_goes_along_to_the_requests(staff_client, shipped):
    page = staff_client.get("/dashboard/cost/?range=1h&tag=beta&group=tenant").content.decode()
    assert "$0.1000" in page.split("<tfoot>")[1]
    assert re.search(r'/dashboard/requests/\?[^"]*tag=beta', page)
    assert "not used on this page" not in page


UNUSED = [
    ("cost", "cost_groups", {"tag": "beta", "model": "sandbox-mini"}, "tag"),
    ("cost", "cost_groups", {"tag": "beta", "key": "1"}, "tag"),
    ("cost", "cost_over_time", {"status": "failed", "tag": "beta"}, "status"),
    ("savings", "savings", {"tag": "beta"}, "tag"),
    ("latency", "latency_groups", {"tag": "beta", "policy": "balanced"}, "tag"),
    ("home", "tiles", {"tag": "beta"}, "tag"),
]


@pytest.mark.parametrize(("page", "panel", "words", "unused"), UNUSED)
def test_a_filter_that_figures_do_not_know_is_said_once_and_refused_for_their_file(
    staff_client, shipped, page, panel, words, unused
):
    asked = {"range": "1h", **words}
    shown = staff_client.get(f"/dashboard/{'' if page == 'home' else page + '/'}", asked)
    text = text_of(shown)
    assert f"{unused}: {words[unused]} (not used on this page)" in text and text.count("Counted whatever their") == 1
    assert ("those by tag are kept by tenant alone" in text) == (page == "cost" and unused == "tag")
    behind = re.search(r'href="([^"]*)">Requests that fit all filters', shown.content.decode())
    assert behind and all(f"{word}={value}" in behind[1] for word, value in words.items())
    for address in re.findall(r'href="(/dashboard/panels/[^"]*\.csv[^"]*)"', shown.content.decode()):
        assert f"{unused}=" not in address and staff_client.get(unescape(address)).status_code == 200
    refused = staff_client.get(f"/dashboard/panels/{page}/{panel}.csv", asked)
    assert refused.status_code == 400 and f"{unused}: this table is not kept by it" in refused.content.decode()


UNGROUPED = [
    ("cost", "cost_groups", {"group": "tag", "model": "sandbox-mini"}, "model: beside these filters"),
    ("cost", "cost_over_time", {"group": "key", "tag": "beta"}, "tag: beside these filters"),
    ("latency", "latency_groups", {"group": "tag"}, "provider: on this page"),
    ("reliability", "errors_over_time", {"group": "tag"}, "class: on this page"),
]


@pytest.mark.parametrize(("page", "panel", "words", "instead"), UNGROUPED)
def test_a_group_that_no_sums_are_kept_by_is_said_once_and_refused_for_its_file(
    staff_client, shipped, page, panel, words, instead
):
    by, where = instead.split(": ")
    shown = staff_client.get(f"/dashboard/{page}/", {"range": "1h", **words})
    assert text_of(shown).count(f"Shown by {by}: there are no sums by {words['group']} {where}.") == 1
    for address in re.findall(rf'href="([^"]*/{panel}\.csv[^"]*)"', shown.content.decode()):
        assert "group=" not in address and staff_client.get(unescape(address)).status_code == 200
    refused = staff_client.get(f"/dashboard/panels/{page}/{panel}.csv", {"range": "1h", **words})
    assert refused.status_code == 400 and "group: this table is not kept by it" in refused.content.decode()
    kept = staff_client.get(f"/dashboard/{page}/", {"range": "1h", **words, "group": by})
    assert "there are no sums by" not in text_of(kept)


def test_the_chart_above_a_list_says_what_it_does_not_know_and_so_does_its_file(staff_client, shipped):
    shown = staff_client.get("/dashboard/requests/?range=1h&tag=beta&tenant=demo")
    assert "Counted whatever their tag." in text_of(shown)
    assert staff_client.get("/dashboard/panels/requests/volume.csv?range=1h&tag=beta").status_code == 400
    assert len(rows_of(staff_client, "requests/request_list", range="1h", tag="beta", tenant="demo")) == 2


def test_a_tag_beside_a_model_is_answered_from_records_on_the_page_of_requests(staff_client, shipped):
    head, *rows = rows_of(staff_client, "requests/request_list", range="1h")
    tags, model = head.index("Tags"), head.index("Model")
    one = next(row for row in rows if "search" in row[tags])
    found = rows_of(staff_client, "requests/request_list", range="1h", tag="search", model=one[model])[1:]
    assert found == [row for row in rows if "search" in row[tags].split(", ") and row[model] == one[model]]


def test_requests_without_a_tag_can_be_listed(staff_client, shipped):
    page = text_of(staff_client.get("/dashboard/requests/?range=1h&tag=-"))
    assert "$0.0300" in page and "$0.1000" not in page


def test_a_budget_of_a_tag_burns_down(shipped, tmp_path):
    owner = Tenant.objects.get(name="demo")
    Budget.objects.create(tenant=owner, tag="search", period="day", limit_usd=5)
    ship([told(["search"], 6, 60 * hours) for hours in range(1, 9)], tmp_path / "more")
    (found,) = outlooks(datetime.now(UTC), frozenset({owner.pk}))
    assert not found.reason and found.forecast.mean > 0


def test_a_tag_and_a_page_of_one_tenant_offer_a_budget_of_what_was_spent(client, shipped):
    client.force_login(staff("otto", "owner", "every tenant"))
    page = client.get("/dashboard/cost/?range=24h&group=tag&tenant=demo").content.decode()
    assert "/dashboard/budgets/new/?limit_usd=0.15&amp;period=day&amp;tenant=demo&amp;tag=search" in page
    page = client.get("/dashboard/cost/?range=24h&group=model&tenant=demo").content.decode()
    assert "/dashboard/budgets/new/?limit_usd=0.18&amp;period=day&amp;tenant=demo" in page


def test_a_range_from_before_sums_were_kept_says_so(staff_client, shipped, tmp_path):
    ship([told(["search"], 5, 300)], tmp_path / "old")
    TagRollup.objects.filter(bucket__lt=(NOW - timedelta(hours=3)).timestamp()).delete()
    assert "Sums by tag are kept since" in text_of(staff_client.get("/dashboard/cost/?range=24h&group=tag"))


@pytest.mark.parametrize("group", ["model", "tenant", "tag"])
def test_a_tenant_that_is_not_there_costs_nothing(staff_client, shipped, group):
    page = text_of(
        staff_client.get("/dashboard/cost/", {"range": "1h", "group": group, "tenant": "nobody-of-this-name"})
    )
    assert "Nothing matches these filters." in page and "in all, most of it" not in page
