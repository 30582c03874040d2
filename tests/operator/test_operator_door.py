"""Who gets into the operator's API, and how far."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from tenants import keys
from tenants.models import ClientKey, Tenant
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

PATHS = ("providers", "models", "deployments", "policies")
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", PATHS)
def test_without_an_operators_key_nothing_is_told(call, path):
    plain = keys.issue(Tenant.objects.create(name="team"), "ci")[1]
    assert Caller("")("GET", path).status_code == Caller("nr-nonsense-nonsense")("GET", path).status_code == 401
    refused = Caller(plain)("GET", path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
    assert Caller("", browser_of(User.objects.create_user("guest")))("GET", path).status_code == 403


def test_a_revoked_expired_or_switched_off_key_opens_nothing(call):
    for values in ({"revoked_at": timezone.now()}, {"revoked_at": None, "expires_at": timezone.now()}):
        ClientKey.objects.update(**values)
        assert call("GET", "models").status_code == 401
    ClientKey.objects.update(expires_at=None)
    assert call("GET", "models").status_code == 200
    Tenant.objects.update(enabled=False)
    assert call("GET", "models").status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_a_person_does_what_its_rights_say(path):
    person = staff("vic")
    caller = Caller("", browser_of(person))
    assert caller("GET", path).status_code == 403
    person.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    assert caller("GET", path).status_code == 200
    refused = caller("POST", path, {"name": "x"})
    assert refused.status_code == 403 and "add_" in refused.json()["error"]["message"]


def test_a_browsers_write_needs_its_token():
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("ana"))
    assert Caller("", client)("GET", "models").status_code == 200
    refused = Caller("", client)("POST", "models", {"name": "x"})
    assert refused.status_code == 403 and "CSRF" in refused.json()["error"]["message"]


def test_a_credential_takes_a_right_of_its_own():
    person = staff("cat")
    person.user_permissions.set(Permission.objects.filter(codename__endswith="_provider"))
    body = {"name": "acme", "wire": "openai", "base_url": "https://a.example/v1"}
    caller = Caller("", browser_of(person))
    refused = caller("POST", "providers", {**body, "credential": "sk-0123456789abcdef"})
    assert refused.status_code == 403 and "credential" in refused.json()["error"]["message"]
    assert caller("POST", "providers", body).status_code == 201


def test_elsewhere_there_is_nothing_and_other_methods_are_refused(call):
    assert call("GET", "nonsense").json()["error"]["code"] == "unknown_url"
    assert call("GET", "models/999").json()["error"]["code"] == "not_found"
    assert call("PUT", "models").status_code == 405
    assert call("GET", "models")["cache-control"] == "no-store"


def test_a_body_has_a_limit(call):
    assert call("POST", "models", {"name": "x", "description": "x" * 2**20}).status_code == 413
