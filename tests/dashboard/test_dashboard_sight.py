"""Does somebody who belongs to one tenant see that tenant, whole, and nothing of another?"""

import csv
import io
from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.db.models import Sum
from django.test import Client

from dashboard.pages import NAVIGATION
from dashboard.scope import scope_of
from tenants.models import ClientKey, Membership, Tenant
from tenants.selectors import tenant_names, tenants_seen_by
from tenants.sight import sight_of
from tests.dashboard.traffic import TENANTS
from tests.people import browser_of, staff
from usage.outcomes import Outcome
from usage.rollups import ALL_KEYS, DAY, RequestRollup
from usage.selectors import attempts, errors, flow, percentiles, totals

pytestmark = pytest.mark.django_db
LIMITED = {"range": "7d"}


@pytest.fixture
def tenants(traffic) -> list[Tenant]:
    """demo and team-a, with their keys, as the traffic has them, and one without any."""
    made = [Tenant.objects.create(pk=pk, name=name) for pk, name, _, _ in TENANTS]
    for pk, name, key_id, prefix in TENANTS:
        ClientKey.objects.create(pk=key_id, tenant_id=pk, name=f"{name}-key", prefix=prefix, digest=prefix)
    return [*made, Tenant.objects.create(pk=3, name="idle")]


@pytest.fixture
def member(tenants) -> Client:
    return browser_of(staff("mia", "viewer", tenants=(tenants[1],)))


def rows_of(browser: Client, address: str, **words: str) -> list[list[str]]:
    answer = browser.get(f"/dashboard/panels/{address}.csv", LIMITED | words)
    assert answer.status_code == 200

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return list(csv.reader(io.StringIO(async_to_sync(whole)().decode())))[1:]


def mine(traffic: list[Outcome]) -> list[Outcome]:
    return [told for told in traffic if told.tenant == "team-a"]


def test_statement_32_counts_of_a_member_are_of_the_tenant_alone(member, traffic):
    assert 0 < len(mine(traffic)) < len(traffic)
    assert len(rows_of(member, "requests/request_list")) == len(mine(traffic))
    served = rows_of(member, "cost/cost_groups", group="tenant")
    assert [(row[0], int(row[1])) for row in served] == [("team-a", len(mine(traffic)))]
    by_hour = rows_of(member, "home/traffic")
    assert sum(int(cell) for row in by_hour for cell in row[1:] if cell) == len(mine(traffic))


@pytest.mark.parametrize("page", NAVIGATION, ids=lambda page: page.name)
def test_no_page_names_another_tenant(page, member, tenants):
    for group in ("tenant", "key", ""):
        shown = member.get(f"/dashboard/{page.path}", LIMITED | ({"group": group} if group else {}))
        assert shown.status_code == 200
        said = shown.content.decode()
        assert "demo" not in said and "nr-demo1" not in said and ">idle<" not in said


def test_two_tenants_are_summed_and_chosen_from(tenants, traffic):
    both, now = frozenset({1, 2}), datetime.now(UTC)
    everybody = scope_of("home", LIMITED, now).period.span
    for question in (attempts, errors, flow):
        assert question(everybody, both) == question(everybody)
    assert percentiles("ttft", everybody, "model", tenant_id=both) == percentiles("ttft", everybody, "model")
    scope = scope_of("home", LIMITED, now, sight=both)
    assert totals(everybody, scope.entities) == totals(everybody)
    assert list(scope.tenants.values()) == ["demo", "team-a"]
    assert totals(everybody, scope_of("home", LIMITED, now, sight=frozenset({3})).entities).requests == 0
    assert totals(everybody, scope_of("home", LIMITED, now, sight=frozenset()).entities).requests == 0
    told = RequestRollup.objects.filter(tenant_id=2, grain=DAY, key_id=ALL_KEYS).aggregate(Sum("requests"))[
        "requests__sum"
    ]
    chosen = scope_of("home", LIMITED | {"tenant": "team-a"}, now, sight=both)
    assert totals(everybody, chosen.entities).requests == told


def test_statement_32_anothers_request_name_and_file_are_not_there(member, traffic):
    own, foreign = mine(traffic)[0], next(told for told in traffic if told.tenant == "demo")
    assert member.get(f"/dashboard/requests/req_{own.id}/").status_code == 200
    assert member.get(f"/dashboard/requests/req_{foreign.id}/").status_code == 404
    assert member.get("/dashboard/find/", {"id": f"req_{foreign.id}"}, follow=True).status_code == 404
    for name in ("demo", "nobody-has-this"):
        for address in ("", "requests/", "cost/", "panels/cost/cost_groups.csv", "panels/home/tiles/"):
            assert member.get(f"/dashboard/{address}", LIMITED | {"tenant": name}).status_code == 404, (name, address)
    assert member.get("/dashboard/panels/cost/cost_groups.csv", LIMITED | {"tenant": "team-a"}).status_code == 200


def test_anothers_key_adds_nothing(member, tenants):
    assert rows_of(member, "cost/cost_groups", key="1") == []
    shown = member.get("/dashboard/requests/", LIMITED | {"key": "1"}).content.decode()
    assert "nr-demo1" not in shown and "sandbox-mini" not in shown.split("<tbody")[-1]


def test_invoices_are_for_those_who_see_every_tenant(member, tenants):
    assert member.get("/dashboard/invoices/").status_code == 403
    assert "/dashboard/invoices/" not in member.get("/dashboard/").content.decode()
    assert browser_of(staff("fin", "finance", "every tenant")).get("/dashboard/invoices/").status_code == 200


def test_who_belongs_nowhere_sees_nothing_and_hears_why(tenants):
    answer = browser_of(staff("new", "operator")).get("/dashboard/")
    assert answer.status_code == 403 and "An owner can make you a member" in answer.content.decode()


def test_both_ways_of_asking_for_a_sight_agree(tenants):
    people = [
        User.objects.create_superuser("root"),
        staff("by-group", "every tenant", tenants=tuple(tenants[:1])),
        staff("member", "viewer", tenants=tuple(tenants[1:])),
        staff("nobody", "operator"),
    ]
    people.append(staff("by-hand"))
    people[-1].user_permissions.add(Permission.objects.get(codename="see_every_tenant"))
    for person in people:
        found = tenants_seen_by(person)
        sight, names = found.sight, found.names
        assert sight == sight_of(person) and names == tenant_names(sight), person
    assert [sight_of(person) for person in people] == [None, None, {2, 3}, frozenset(), None]


def test_a_membership_that_ends_closes_and_does_not_open(member, tenants, traffic):
    foreign = next(told for told in traffic if told.tenant == "demo")
    Membership.objects.all().delete()
    assert member.get("/dashboard/").status_code == 403
    assert member.get(f"/dashboard/requests/req_{foreign.id}/").status_code == 403
