"""The scope of a client key in admin: set when it is made, changed with its before and after, kept by a rotation."""

from django.test import Client
from django.urls import reverse

from providers.models import AuditEntry
from tenants.keyring import authenticate, load_keyring
from tenants.models import ClientKey
from tests.admin import rows
from tests.admin.pages import fields_of, fill, page
from tests.admin.test_admin_secrets import KEY
from tests.people import browser_of, staff

ADD = reverse("admin:tenants_clientkey_add")
SCOPE = {"allow_models": "gpt-*\nollama/*", "allow_policies": "balanced", "allow_routes": ["chat", "usage"]}


def change_of(key: ClientKey) -> str:
    return page("tenants_clientkey", "change", key.pk)


def scoped(operator: Client) -> tuple[ClientKey, str]:
    answer = fill(operator, ADD, "clientkey_form", tenant=rows.tenant().pk, name="ci", **SCOPE)
    return ClientKey.objects.get(name="ci"), KEY.findall(answer.content.decode())[0]


def test_a_key_is_made_with_a_scope_that_the_data_plane_reads_and_the_list_shows(operator: Client) -> None:
    key, plain = scoped(operator)
    assert (key.allow_models, key.allow_policies) == (["gpt-*", "ollama/*"], ["balanced"])
    scope = authenticate(plain, load_keyring(), 0).scope
    assert (scope.models, scope.routes) == (("gpt-*", "ollama/*"), ("chat", "usage"))
    listed = operator.get(reverse("admin:tenants_clientkey_changelist")).content.decode()
    assert all(f">{part}<" in listed for part in ("models gpt-*, ollama/*", "policies balanced", "routes chat, usage"))
    assert AuditEntry.objects.get(kind="client key").changes["allow_routes"] == [None, ["chat", "usage"]]


def test_a_key_without_a_scope_may_all_that_its_tenant_may(operator: Client) -> None:
    fill(operator, ADD, "clientkey_form", tenant=rows.tenant().pk, name="ci")
    assert not str(ClientKey.objects.get(name="ci").scope)
    assert "as its tenant" in operator.get(reverse("admin:tenants_clientkey_changelist")).content.decode()


def test_a_changed_scope_is_audited_with_before_and_after(operator: Client) -> None:
    key, _ = scoped(operator)
    held = fields_of(operator.get(change_of(key)), "clientkey_form")
    assert held["allow_models"] == ["gpt-*\nollama/*"] and held["allow_routes"] == ["chat", "usage"]
    answer = fill(operator, change_of(key), "clientkey_form", allow_models="gpt-4o", allow_routes=[])
    assert answer.status_code == 302, answer.context["errors"]
    key.refresh_from_db()
    assert str(key.scope) == "models gpt-4o; policies balanced"
    changes = AuditEntry.objects.get(action="changed", kind="client key").changes
    assert changes == {"allow_models": [["gpt-*", "ollama/*"], ["gpt-4o"]], "allow_routes": [["chat", "usage"], []]}


def test_what_is_wrong_is_said_at_its_field(operator: Client) -> None:
    key, _ = scoped(operator)
    answer = fill(operator, change_of(key), "clientkey_form", allow_models="two words", allow_routes=["telepathy"])
    errors = str(answer.context["errors"])
    assert answer.status_code == 200 and "“two words” contains a space" in errors and "telepathy" in errors


def test_a_rotated_key_keeps_its_scope(operator: Client) -> None:
    key, _ = scoped(operator)
    answer = operator.post(reverse("admin:tenants_clientkey_rotate_key", args=[key.pk]), {"overlap": "1"})
    plain = KEY.findall(answer.content.decode())[0]
    assert authenticate(plain, load_keyring(), 0).scope == key.scope


def test_a_member_widens_no_key_of_another_tenant(operator: Client) -> None:
    key, _ = scoped(operator)
    other = browser_of(staff("ben", "operator", tenants=(rows.tenant(name="theirs"),)))
    assert other.get(change_of(key)).status_code == 404
    assert other.post(change_of(key), {"name": "ci", "allow_models": ""}).status_code == 404
    assert ClientKey.objects.get(pk=key.pk).scope == key.scope
