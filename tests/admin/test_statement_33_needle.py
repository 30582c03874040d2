"""Statement 33: what is secret stands in no answer: no admin page, history, message, export or error page, no API."""

import re
from base64 import b32decode

import pytest
from django.test import Client
from django.urls import get_resolver, reverse
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tenants import keys
from tests.admin import rows
from tests.admin.pages import fill
from tests.admin.phones import turn_on
from tests.admin.test_admin_secrets import NEEDLE, crawl, new_key
from tests.admin.test_admin_secrets import second as another_key
from tests.dashboard.downloads import lines_at
from tests.operator.conftest import Caller

SECOND = "sk-second-needle-in-a-haystack-4711"
COLLECTIONS = (
    *("providers", "models", "deployments", "policies", "tenants", "api-keys", "users", "audit-log"),
    *("profiles", "reprofile"),
)
OTHERS = ("config", "live", "vram")


@pytest.fixture
def secrets(operator: Client) -> dict[str, str]:
    """Every secret that can be typed or made, by what it is, after pages and API have handled each of them."""
    provider = rows.credential(NEEDLE).provider
    rows.deployment(provider=provider)
    third = reverse("admin:providers_credential_replace_key", args=[rows.credential(NEEDLE).pk])
    fill(operator, third, None, secret=SECOND)
    rotated = reverse("admin:providers_credential_rotate_key", args=[provider.credentials.get().pk])
    fill(operator, rotated, None, secret=SECOND)
    password = "a-needle-of-a-password-0815"
    person = reverse("admin:auth_user_password_change", args=[rows.user().pk])
    fill(operator, person, None, password1=password, password2=password, usable_password="true")
    key, plain, _ = new_key(operator)
    fill(operator, reverse("admin:tenants_clientkey_rotate_key", args=[key.pk]), None, overlap="1")
    sealed = bytes(provider.credentials.get(name="default").ciphertext).decode()
    phone = turn_on(operator)
    factor = TOTPDevice.objects.get()
    second = {"secret of a phone": phone.secret, "in hex": b32decode(phone.secret).hex(), "its seed": factor.key}
    second |= {"recovery code": phone.recovery[0], "its digest kept": StaticToken.objects.all()[0].token}
    told = second | {"credential": NEEDLE, "its successor": SECOND, "sealed": sealed, "password": password}
    return told | {
        "client key": plain[12:],
        "its digest": key.digest if isinstance(key.digest, str) else key.digest.hex(),
    }


def check(text: str, secrets: dict[str, str], where: str) -> None:
    for what, secret in secrets.items():
        assert secret not in text, f"{what} at {where}"


def test_statement_33_no_page_of_the_admin_tells_a_secret(secrets: dict[str, str], operator: Client) -> None:
    pages = crawl(operator, reverse("admin:index"))
    assert sum("/history/" in address for address in pages) > 5 and len(pages) > 30
    for address, text in pages.items():
        check(text, secrets, address)
    heads, *lines = lines_at(operator, reverse("admin:providers_auditentry_download"))
    assert len(lines) >= 4
    check(str(lines), secrets, "the audit log's file")


def test_statement_33_no_error_page_tells_what_was_typed(secrets: dict[str, str], operator: Client) -> None:
    provider = rows.credential(NEEDLE).provider
    where = reverse("admin:providers_provider_change", args=[provider.pk])
    wrong = {**another_key(SECOND), "base_url": "ftp://wrong"}
    refused = fill(operator, where, "provider_form", **wrong)
    assert refused.status_code == 200 and refused.context["errors"]
    check(refused.content.decode(), secrets, "a refused form")
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    check(strict.post(where, wrong).content.decode(), secrets, "a refused token")
    check(operator.get("/admin/providers/provider/0/change/").content.decode(), secrets, "a page that is not there")


def test_statement_33_no_answer_of_the_operators_api_tells_a_secret(secrets: dict[str, str]) -> None:
    call = Caller(keys.issue(rows.tenant(), "script", operator=True)[1])
    rows.latency_profile()
    assert call("POST", "reprofile", {}).status_code == 202
    for path in COLLECTIONS:
        listed = call("GET", path)
        assert listed.status_code == 200 and listed.json()["data"], path
        check(listed.content.decode(), secrets, path)
        for row in listed.json()["data"]:
            check(call("GET", f"{path}/{row['id']}").content.decode(), secrets, f"{path}/{row['id']}")
    for path in OTHERS:
        answer = call("GET", path)
        assert answer.status_code == 200
        check(answer.content.decode(), secrets, path)
    body = {"name": "bad", "wire": "openai", "base_url": "ftp://wrong", "credential": SECOND}
    refused = call("POST", "providers", body)
    assert 400 <= refused.status_code < 500
    check(refused.content.decode(), secrets, "a refused body")


def test_statement_33_every_collection_of_the_operators_api_is_searched() -> None:
    found = set()
    for pattern in get_resolver("routing.api.operator.urls").url_patterns:
        if name := re.match(r"\^?([a-z-]+)", str(pattern.pattern)):
            found.add(name[1])
    assert found == {*COLLECTIONS, *OTHERS}
