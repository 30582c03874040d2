"""Guessing a password is slowed down, per account and per address; a person who knows it is not."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, override_settings
from django_ratelimit import core

SIGN_IN = "/admin/login/"
MEMORY = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "sign-in"}}
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
    assert here.post("/admin/password_change/", new).status_code == 302
    assert here.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
