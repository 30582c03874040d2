"""Pitfall 12: guessing is slowed down, codes and keys may be pasted, a new password ends all other sessions."""

import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse
from django_ratelimit import core

from providers.models import AuditEntry
from tests.admin.phones import SIGN_IN, signed_in, turn_on

MEMORY = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "sign-in"}}
CODE_FIELD = re.compile(r'<input[^>]*name="code"[^>]*>')
QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AWAY = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}


@pytest.fixture(autouse=True)
def _fresh_counts(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Counts of this test alone, in a window that does not end in its middle."""
    monkeypatch.setattr(core, "time", SimpleNamespace(time=lambda: 1_800_000_000.0))
    with override_settings(CACHES=MEMORY, PASSWORD_HASHERS=QUICK):
        User.objects.create_superuser("ana", password="correct horse")
        cache.clear()
        yield
        cache.clear()


def sign_in(name: str, password: str, address: str = "198.51.100.7") -> HttpResponse:
    return Client(REMOTE_ADDR=address).post(SIGN_IN, {"username": name, "password": password})


def test_pitfall_12_the_eleventh_wrong_guess_is_not_even_tried() -> None:
    for _ in range(10):
        assert "Too many" not in sign_in("ana", "wrong").content.decode()
    refused = sign_in("ana", "correct horse")
    assert "Too many failed sign-ins from this address. Try again in" in refused.content.decode()
    assert refused.status_code == 200


def test_pitfall_12_another_address_is_not_held_up() -> None:
    for _ in range(11):
        sign_in("ana", "wrong")
    assert sign_in("ana", "correct horse", "203.0.113.9").status_code == 302


def test_pitfall_12_many_names_from_one_address_are_refused() -> None:
    for number in range(60):
        sign_in(f"nobody-{number}", "wrong")
    assert "Too many" in sign_in("ana", "correct horse").content.decode()


def test_pitfall_12_signing_in_costs_nothing() -> None:
    for _ in range(12):
        assert sign_in("ana", "correct horse").status_code == 302


def test_pitfall_12_a_cache_that_is_away_does_not_lock_people_out(caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(CACHES=AWAY):
        assert sign_in("ana", "correct horse").status_code == 302
    assert "throttle" in caplog.text


def test_pitfall_12_the_page_does_not_say_whether_a_name_exists() -> None:
    known, unknown = (sign_in(name, "wrong").content.decode() for name in ("ana", "nobody"))
    assert known.count("errornote") == unknown.count("errornote") >= 1


def test_pitfall_12_codes_and_keys_are_one_field_each_that_may_be_pasted_into() -> None:
    """WCAG 3.3.8: nobody has to remember or copy by hand; no field per digit, no script that stops a paste."""
    browser = signed_in()
    second_factor = turn_on(browser)
    fresh = Client()
    fresh.post(SIGN_IN, {"username": "ana", "password": "correct horse"})
    pages = {
        "/admin/login/code/": fresh.get("/admin/login/code/"),
        "/admin/second-factor/": browser.get("/admin/second-factor/"),
        "a provider": browser.get(reverse("admin:providers_provider_add")),
        SIGN_IN: Client().get(SIGN_IN),
    }
    for where, page in pages.items():
        text = page.content.decode()
        assert page.status_code == 200 and "onpaste" not in text and 'maxlength="1"' not in text, where
    code = CODE_FIELD.findall(pages["/admin/login/code/"].content.decode())
    assert len(code) == 1 and 'autocomplete="one-time-code"' in code[0] and 'inputmode="numeric"' in code[0]
    pasted = f" {second_factor.code()[:3]} {second_factor.code()[3:]} "
    assert fresh.post("/admin/login/code/", {"code": pasted}).status_code == 302
    assert fresh.get("/admin/").status_code == 200


def test_pitfall_12_a_new_password_ends_every_other_session() -> None:
    here, elsewhere = Client(), Client()
    for browser in (here, elsewhere):
        browser.post(SIGN_IN, {"username": "ana", "password": "correct horse"})
        assert browser.get("/admin/").status_code == 200
    new = {
        "old_password": "correct horse",
        "new_password1": "battery-staple-4711",
        "new_password2": "battery-staple-4711",
    }
    assert here.post("/admin/password_change/", new | {"old_password": "wrong"}).status_code == 200
    assert not AuditEntry.objects.exists()
    assert here.post("/admin/password_change/", new).status_code == 302
    told = AuditEntry.objects.get()
    assert (told.actor, told.kind, told.changes) == ("ana", "user", {"password": ["(secret)", "changed"]})
    assert here.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
