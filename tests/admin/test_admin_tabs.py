"""The lists inside a row's page: whose rows they show, and to whom."""

import random
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from providers.models import Deployment
from tenants.models import ClientKey
from tests.admin import rows
from tests.dashboard.traffic import outcome, ship
from tests.people import browser_of, staff


def tab_of(row: Model, person: User, name: str) -> str:
    """What a row's page shows in one of its tabs, fetched from where the page says."""
    browser = browser_of(person)
    opened = browser.get(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]))
    where = re.search(f'hx-get="([^"]*/tab/{name}/)"', opened.content.decode())
    assert opened.status_code == 200 and where
    answer = browser.get(where[1])
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def two(db: None, tmp_path: Path) -> tuple[ClientKey, ClientKey, Deployment]:
    """Keys of two tenants, each of which asked the same deployment a minute ago."""
    mine, theirs, target = rows.client_key(), rows.client_key(), rows.deployment()
    told = []
    for number, key in enumerate((mine, theirs)):
        facts: dict[str, Any] = {"tenant_id": key.tenant_id, "tenant": key.tenant.name, "key_id": key.pk}
        said = outcome(timezone.now() - timedelta(minutes=1), random.Random(number), **facts, key_prefix=key.prefix)
        said.provider, said.model = target.provider.name, target.model.name
        told.append(said)
    ship(told, tmp_path)
    return mine, theirs, target


def test_a_tenants_page_has_its_keys_and_budgets_and_nobody_elses(db: None) -> None:
    budget = rows.budget(limit_usd=37)
    other = rows.budget(limit_usd=91)
    key, foreign = rows.client_key(tenant=budget.tenant), rows.client_key(tenant=other.tenant)
    lent = rows.client_key(tenant=budget.tenant, name="lent-one")
    person = staff("ana", "viewer", "every tenant")
    ClientKey.objects.filter(pk=lent.pk).update(lent_to=person)
    keys, budgets = tab_of(budget.tenant, person, "clientkey"), tab_of(budget.tenant, person, "budget")
    assert key.prefix in keys and foreign.prefix not in keys and lent.prefix not in keys
    assert reverse("admin:tenants_clientkey_change", args=[key.pk]) in keys
    assert str(budget.limit_text) in budgets and str(other.limit_text) not in budgets


def test_a_tab_is_empty_for_who_may_not_see_its_rows(db: None) -> None:
    key = rows.client_key()
    person = staff("tom", "every tenant")
    person.user_permissions.add(Permission.objects.get(codename="view_tenant"))
    assert key.prefix not in tab_of(key.tenant, person, "clientkey")


def test_a_tab_is_closed_to_who_may_not_see_the_row(two: tuple[ClientKey, ClientKey, Deployment]) -> None:
    mine, theirs, target = two
    where = [reverse("admin:tenants_tenant_tab", args=[key.tenant_id, "requestrecord"]) for key in (mine, theirs)]
    member, stranger = browser_of(staff("bob", "viewer", tenants=(mine.tenant,))), browser_of(staff("eve"))
    assert [member.get(address).status_code for address in where] == [200, 404]
    assert [stranger.get(address).status_code for address in where] == [404, 404]
    assert stranger.get(reverse("admin:providers_deployment_tab", args=[target.pk, "requestrecord"])).status_code == 403
    assert member.get(reverse("admin:tenants_tenant_tab", args=[mine.tenant_id, "provider"])).status_code == 404
    assert browser_of(User.objects.create_user("out")).get(where[0]).status_code == 302


def test_a_search_in_a_tab_goes_along(db: None) -> None:
    key = rows.client_key(name="needle")
    other = rows.client_key(tenant=key.tenant, name="hay")
    browser = browser_of(staff("ana", "viewer", "every tenant"))
    page = browser.get(reverse("admin:tenants_tenant_change", args=[key.tenant_id]), {"clientkey-q": "needle"})
    where = re.search(r'hx-get="([^"]*/tab/clientkey/[^"]*)"', page.content.decode())
    assert where
    tab = browser.get(where[1]).content.decode()
    assert key.prefix in tab and other.prefix not in tab


def test_every_row_that_records_name_has_its_last_requests(two: tuple[ClientKey, ClientKey, Deployment]) -> None:
    mine, theirs, target = two
    everybody = staff("ana", "viewer", "every tenant")
    for row, expected in (
        (target, {mine.prefix, theirs.prefix}),
        (target.provider, {mine.prefix, theirs.prefix}),
        (target.model, {mine.prefix, theirs.prefix}),
        (mine, {mine.prefix}),
        (theirs.tenant, {theirs.prefix}),
    ):
        tab = tab_of(row, everybody, "requestrecord")
        assert {key.prefix for key in (mine, theirs) if key.prefix in tab} == expected, row
        assert tab.count("/dashboard/requests/req_") == len(expected)


def test_the_last_requests_are_those_that_one_sees(two: tuple[ClientKey, ClientKey, Deployment]) -> None:
    mine, theirs, target = two
    tab = tab_of(target, staff("bob", "viewer", tenants=(mine.tenant,)), "requestrecord")
    assert mine.prefix in tab and theirs.prefix not in tab


def test_a_new_row_has_no_last_requests(db: None) -> None:
    text = browser_of(staff("ana", "operator", "every tenant")).get(reverse("admin:providers_provider_add"))
    assert "dataset-requestrecord" not in text.content.decode()
