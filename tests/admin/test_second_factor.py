"""The second factor: asked for after the password, obeyed by every page and the API, never shown again."""

import io
import json
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import reverse
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from providers.audit import at_console
from providers.models import AuditEntry
from tenants.signinlink import link_for
from tests.admin.pages import fill
from tests.admin.phones import CODE, PAGE, PASSWORD, SIGN_IN, give_code, signed_in, turn_on
from tests.people import browser_of

MEMORY = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "second-factor"}}
CLOSED = ("/admin/", "/dashboard/", "/api/admin/providers")


@pytest.fixture(autouse=True)
def ana(db: None) -> Iterator[User]:
    with override_settings(CACHES=MEMORY):
        cache.clear()
        yield User.objects.create_superuser("ana", password=PASSWORD)
        cache.clear()


def inside(browser: Client) -> list[bool]:
    return [browser.get(address).status_code == 200 for address in CLOSED]


def told() -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.filter(kind="user").order_by("id")
    return [(row.actor, row.action, json.dumps(row.changes)) for row in rows]


def forgive() -> None:
    """Let the wait after wrong codes be over."""
    TOTPDevice.objects.update(throttling_failure_count=0)


def test_after_the_password_no_page_and_no_api_opens_before_the_code() -> None:
    phone = turn_on(signed_in())
    browser = Client()
    answer = browser.post(SIGN_IN, {"username": "ana", "password": PASSWORD, "next": "/dashboard/cost/"})
    assert answer.url == CODE and inside(browser) == [False] * 3
    refused = give_code(browser, "000017")
    assert refused.status_code == 200 and "000017" not in refused.content.decode() and inside(browser) == [False] * 3
    forgive()
    answer = give_code(browser, phone.code())
    assert answer.url == "/dashboard/cost/" and inside(browser) == [True] * 3


def test_a_wrong_password_says_nothing_about_a_second_factor() -> None:
    turn_on(signed_in())
    answer = Client().post(SIGN_IN, {"username": "ana", "password": "wrong"})
    assert answer.status_code == 200 and "code" not in answer.context["form"].fields


def test_turning_it_on_signs_out_everywhere_else() -> None:
    here, elsewhere, forced = signed_in(), signed_in(), browser_of(User.objects.get())
    turn_on(here)
    assert inside(here) == [True] * 3
    assert inside(elsewhere) == [False] * 3 == inside(forced)


def test_a_code_works_once() -> None:
    phone = turn_on(signed_in())
    code = phone.code()
    assert give_code(signed_in(), code).status_code == 302
    assert "used already" in give_code(signed_in(), code).content.decode()


def test_a_recovery_code_works_once_and_is_kept_as_a_digest() -> None:
    phone = turn_on(signed_in())
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert len(stored) == 10 and not stored & {code.replace("-", "") for code in phone.recovery}
    browser = signed_in()
    assert give_code(browser, phone.recovery[3]).status_code == 302 and inside(browser) == [True] * 3
    assert give_code(signed_in(), phone.recovery[3]).status_code == 200
    assert ("ana", "used a recovery code", '{"recovery codes left": [10, 9]}') in told()
    assert "9 recovery codes left" in browser.get(PAGE).content.decode()


def test_wrong_codes_are_slowed_down_as_passwords_are() -> None:
    phone = turn_on(signed_in())
    browser = signed_in()
    give_code(browser, "000000")
    soon = give_code(browser, phone.code()).content.decode()
    assert "Too many wrong codes one after another. Try again in" in soon
    for _ in range(9):
        forgive()
        give_code(browser, "000000")
    forgive()
    assert "Too many failed sign-ins from this address" in give_code(browser, phone.code()).content.decode()
    assert inside(browser) == [False] * 3
    late = Client().post(SIGN_IN, {"username": "ana", "password": PASSWORD})
    assert "Too many failed sign-ins" in late.content.decode()


def test_a_new_password_ends_a_sign_in_that_waits_for_its_code(ana: User) -> None:
    phone = turn_on(signed_in())
    browser = signed_in()
    ana.set_password("battery-staple-4711")
    ana.save()
    assert give_code(browser, phone.code()).url.startswith(SIGN_IN) and inside(browser) == [False] * 3


def test_turning_it_off_and_new_recovery_codes_take_a_code() -> None:
    browser = signed_in()
    phone = turn_on(browser)
    for action in ("codes", "off"):
        refused = browser.post(PAGE, {"code": "000000", "action": action})
        assert "not right" in refused.content.decode() and TOTPDevice.objects.exists()
        forgive()
    again = browser.post(PAGE, {"code": phone.code(), "action": "codes"}).content.decode()
    assert phone.recovery[0] not in again
    assert give_code(signed_in(), phone.recovery[0]).status_code == 200
    forgive()
    assert browser.post(PAGE, {"code": phone.code(), "action": "off"}).status_code == 302
    assert inside(signed_in()) == [True] * 3 and not StaticToken.objects.exists()
    assert [entry[:2] for entry in told()] == [
        ("ana", each) for each in ("turned on", "made recovery codes", "turned off")
    ]


def test_a_wrong_code_turns_nothing_on() -> None:
    browser = signed_in()
    browser.get(PAGE)
    refused = browser.post(PAGE, {"code": "12345"})
    assert "not right" in refused.content.decode()
    assert not TOTPDevice.objects.exists() and told() == []


def test_where_it_is_demanded_staff_sees_nothing_before_it_is_set_up() -> None:
    before = signed_in()
    with override_settings(SECOND_FACTOR_REQUIRED=True):
        assert inside(before) == [False] * 3
        browser = Client()
        answer = browser.post(SIGN_IN, {"username": "ana", "password": PASSWORD, "next": "/dashboard/cost/"})
        assert answer.url == PAGE and inside(browser) == [False] * 3
        assert "Providers" not in browser.get(PAGE).content.decode()
        turn_on(browser)
        assert inside(browser) == [True] * 3
    assert ("ana", "turned on", '{"second factor": ["off", "on"]}') in told()


def test_the_link_of_the_first_start_leads_to_what_is_demanded(ana: User) -> None:
    new = {"new_password1": "battery-staple-4711", "new_password2": "battery-staple-4711"}
    for demanded, ends_at in ((False, "/dashboard/start/"), (True, PAGE)):
        browser = Client()
        form = browser.get(link_for(ana, ""), follow=True)
        with override_settings(SECOND_FACTOR_REQUIRED=demanded):
            assert browser.post(form.request["PATH_INFO"], new).url == ends_at
            assert (browser.get("/admin/").status_code == 200) is not demanded
        ana.refresh_from_db()
    said = AuditEntry.objects.filter(object_id=ana.pk, kind="user")
    assert [(one.actor, one.address, one.changes) for one in said] == [
        ("ana", "127.0.0.1", {"password": ["(secret)", "changed"]}),
    ] * 2


def test_a_superuser_takes_it_off_somebody_after_the_question() -> None:
    vic = User.objects.create_user("vic", password=PASSWORD, is_staff=True)
    turn_on(signed_in("vic"))
    boss = signed_in()
    where = reverse("admin:auth_user_take_off_second_factor", args=[vic.pk])
    assert "password alone" in boss.get(where).content.decode() and TOTPDevice.objects.exists()
    assert fill(boss, where, None, reason="").status_code == 200 and TOTPDevice.objects.exists()
    assert fill(boss, where, None, reason="lost the phone").status_code == 302
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.actor, entry.action, entry.object_name, entry.reason) == (
        "ana",
        "turned off",
        "vic",
        "lost the phone",
    )
    assert not TOTPDevice.objects.exists()
    assert signed_in("vic").get("/admin/").status_code == 200


def test_nobody_else_takes_it_off_and_nobody_their_own() -> None:
    boss = signed_in()
    turn_on(boss)
    ana = User.objects.get()
    where = reverse("admin:auth_user_take_off_second_factor", args=[ana.pk])
    assert "with a code" in boss.post(where, {"reason": "r"}).content.decode()
    max_ = User.objects.create_user("max", is_staff=True)
    max_.user_permissions.set(max_.user_permissions.model.objects.filter(content_type__app_label="auth"))
    assert browser_of(max_).post(where, {"reason": "r"}).status_code == 403
    assert TOTPDevice.objects.exists()


def test_the_server_takes_it_off_where_no_superuser_can() -> None:
    turn_on(signed_in())
    call_command("second_factor_off", "ana", reason="lost both", stdout=io.StringIO())
    assert not TOTPDevice.objects.exists() and told()[-1][:2] == (at_console("command").name, "turned off")
    with pytest.raises(CommandError, match="no second factor"):
        call_command("second_factor_off", "ana")
    with pytest.raises(CommandError, match="no account bob"):
        call_command("second_factor_off", "bob")
