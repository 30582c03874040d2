"""Nobody comes to more rights than the own: not by a key of the operator API, not by a document, not by an address."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from providers.models import Provider
from tenants import keys
from tenants.models import ClientKey, Tenant
from tests.admin import rows
from tests.admin.pages import fill, page
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
OWN = "own-needle-0123456789-abcdef"
LACKED = {"raise_budget": "tenants.raise_budget", "add_user": "auth.add_user", "see_every_tenant": "tenants.see_every"}


@pytest.fixture
def team() -> Tenant:
    return Tenant.objects.create(name="team")


def without(*codenames: str, tenant: Tenant | None = None) -> User:
    """Somebody with every right but these."""
    person = staff("almost", tenants=(tenant,) if tenant else ())
    person.user_permissions.set(Permission.objects.exclude(codename__in=codenames))
    return person


def api(person: User) -> Caller:
    return Caller("", browser_of(person))


def told(answer, status: int = 403) -> str:
    assert answer.status_code == status, answer.content
    return answer.json()["error"]["message"]


def typed(browser: Client, team: Tenant) -> str:
    """The page of a new key, and what is answered to who ticks the box all the same."""
    where = page("tenants_clientkey", "add")
    fill(browser, where, "clientkey_form", tenant=str(team.pk), name="typed", operator="on")
    return browser.get(where).content.decode()


@pytest.mark.parametrize("codename", LACKED)
def test_who_lacks_a_right_of_operator_keys_neither_makes_one_nor_learns_the_value_of_one(codename, team):
    person = without(codename, tenant=team)
    browser, call, right = browser_of(person), api(person), LACKED[codename]
    strong = keys.issue(team, "strong", operator=True, owner=person)[0]
    plain = keys.issue(team, "plain", value=OWN, owner=person)[0]
    late = keys.issue(team, "late", operator=True, expires_at=timezone.now() - timedelta(days=1))[0]
    before = list(ClientKey.objects.filter(operator=True).order_by("pk").values("pk", "digest", "expires_at"))
    deeds = [
        ("POST", "api-keys", {"tenant": "team", "name": "new", "operator": True}),
        ("PATCH", f"api-keys/{plain.pk}", {"operator": True}),
        ("PATCH", f"api-keys/{strong.pk}", {"value": "own-other-0123456789"}),
        ("PATCH", f"api-keys/{late.pk}", {"expires_at": None}),
        ("POST", f"api-keys/{strong.pk}/rotate", {}),
    ]
    if codename != "see_every_tenant":  # who applies none without it
        deeds += [
            ("PUT", "config", "tenants: [{name: team, keys: [{name: filed, operator: true}]}]"),
            ("PUT", "config", "tenants: [{name: team, keys: [{name: plain, operator: true}]}]"),
        ]
    for deed in deeds:
        assert right in told(call(*deed)), deed
    shown = typed(browser, team)
    assert right in shown and "has rights that you do not have" in shown
    for address in (page("tenants_clientkey", "rotate_key", strong.pk), f"/dashboard/usage/keys/{strong.pk}/rotate/"):
        answer = browser.post(address, {"overlap": "0"})
        seen = codename != "see_every_tenant" or address.startswith("/admin")
        assert answer.status_code == (403 if seen else 404), address
        assert not seen or right in answer.content.decode()
    assert list(ClientKey.objects.filter(operator=True).order_by("pk").values("pk", "digest", "expires_at")) == before
    assert not ClientKey.objects.get(name="typed").operator and not ClientKey.objects.filter(name="filed").exists()


def test_my_usage_says_why_a_key_of_the_operator_api_is_not_rotated_there(team):
    person = without("raise_budget", tenant=team)
    keys.issue(team, "strong", operator=True, owner=person)
    shown = browser_of(person).get("/dashboard/usage/").content.decode()
    assert "tenants.raise_budget. Who rotates it gets to know its value." in shown
    assert "/rotate/" not in shown and "/revoke/" in shown


def test_who_has_every_right_of_an_operator_key_makes_and_rotates_it(team):
    person = without("read_bodies", "change_permission", "add_group")  # no such key has these either
    call = api(person)
    made = call.made("api-keys", {"tenant": "team", "name": "ci", "operator": True})
    assert call.made(f"api-keys/{made['id']}/rotate", {})["operator"]
    assert "value=" in typed(browser_of(person), team) and ClientKey.objects.get(name="typed").operator
    browser = browser_of(staff("olga", "owner"))
    key = ClientKey.objects.get(name="typed")
    assert browser.post(page("tenants_clientkey", "rotate_key", key.pk), {"overlap": "0"}).status_code == 200
    assert ClientKey.objects.get(name="typed").pk != key.pk
    assert call("PUT", "config", "tenants: [{name: team, keys: [{name: filed, operator: true}]}]").status_code == 200


def test_a_key_of_the_operator_api_makes_another(call):
    assert call.made("api-keys", {"tenant": "ops", "name": "next", "operator": True})["operator"]


def test_the_value_of_a_key_is_replaced_by_a_document_of_who_may_rotate(team):
    old = keys.issue(team, "ci")[0]
    document = f"tenants: [{{name: team, keys: [{{name: ci, value: {OWN}}}]}}]"
    assert "tenants.rotate_key" in told(api(without("rotate_key"))("PUT", "config", document))
    assert ClientKey.objects.get().digest == old.digest
    assert api(staff("olga", "owner"))("PUT", "config", document).status_code == 200
    assert ClientKey.objects.get().digest == keys.digest(OWN)


def test_an_address_that_stored_keys_go_to_is_moved_by_who_may_replace_them():
    provider, bare = rows.credential().provider, rows.provider(name="bare")
    person, there = without("change_credential"), "https://elsewhere.example/v1"
    call, browser = api(person), browser_of(person)
    moved = f"providers: [{{name: {provider.name}, base_url: '{there}'}}]"
    for deed in (("PATCH", f"providers/{provider.pk}", {"base_url": there}), ("PUT", "config", moved)):
        assert "providers.change_credential" in told(call(*deed)), deed
    where = page("providers_provider", "change", provider.pk)
    assert fill(browser, where, "provider_form", base_url=there, name="renamed").status_code == 302
    stored = Provider.objects.get(pk=provider.pk)
    assert stored.base_url == provider.base_url and stored.name == "renamed"
    assert call("PATCH", f"providers/{provider.pk}", {"enabled": False}).status_code == 200
    assert call("PATCH", f"providers/{bare.pk}", {"base_url": there}).status_code == 200
    owner = api(staff("olga", "owner"))
    assert owner("PATCH", f"providers/{provider.pk}", {"base_url": there}).status_code == 200
