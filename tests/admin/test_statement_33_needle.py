"""Statement 33: what is secret stands in no answer: no admin page, history, message, export or error page, no API."""

import re
from base64 import b32decode
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from providers.models import AuditEntry
from tenants import keys
from tests.admin import everywhere, rows
from tests.admin.pages import fields_of, fill
from tests.admin.phones import turn_on
from tests.admin.test_admin_secrets import NEEDLE, crawl, new_key
from tests.admin.test_admin_secrets import second as another_key
from tests.dashboard.downloads import lines_at
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

SECOND = "sk-second-needle-in-a-haystack-4711"
COLLECTIONS = (
    *("providers", "models", "deployments", "policies", "tenants", "api-keys", "users", "audit-log"),
    *("profiles", "reprofile", "budgets", "receivers", "requests"),
)
OTHERS = ("config", "live", "vram")
NOT_OFFERED = ("benchmarks", "sync-benchmarks")
TYPED = ("", NEEDLE[2:-2], SECOND[2:-2])  # of many, in each field that one chooses in by typing
ASKS = {"disable", "revoke_selected", "delete_selected"}  # verbs that come with a question


@pytest.fixture
def secrets(operator: Client) -> dict[str, str]:
    """Every secret that can be typed or made, by what it is, after pages and API have handled each of them."""
    provider = rows.credential(NEEDLE).provider
    rows.deployment(provider=provider)
    third = reverse("admin:providers_credential_replace_key", args=[rows.credential(NEEDLE).pk])
    fill(operator, third, None, secret=SECOND)
    rotated = reverse("admin:providers_credential_rotate_key", args=[provider.credentials.get().pk])
    assert fill(operator, rotated, None, secret=SECOND, overlap="1").status_code == 302
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
    second |= {"path of a webhook": urlsplit(rows.HOOK.url).path[1:], "its key": rows.HOOK.key}
    rows.receiver()
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


def body(answer: HttpResponse) -> str:
    """The whole of an answer, of a file that is sent while it is made, too."""
    if not answer.streaming:
        return answer.content.decode()

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(whole)().decode()


def test_statement_33_no_route_of_the_admin_tells_a_secret(secrets: dict[str, str], operator: Client) -> None:
    """Also those that no link leads to; a row of every model is there, and each form's verbs, tabs and files."""
    for make in rows.ROWS.values():
        make()
    found = everywhere.addresses()
    unreached = {name for name, addresses in found.items() if not addresses}
    assert not unreached and len(found) > 140
    kinds = set()
    for address in {address for addresses in found.values() for address in addresses}:
        answer = operator.get(address, follow=True)
        assert answer.status_code in (200, 403, 404, 405), (address, answer.status_code)
        kinds.add((answer.status_code, answer["content-type"].partition(";")[0]))
        check(body(answer), secrets, address)
    assert {(200, "text/html"), (200, "text/csv"), (403, "text/html"), (405, "text/html")} <= kinds
    taken = operator.post(reverse("system-configuration"))
    assert taken.status_code == 200 and "attachment" in taken["Content-Disposition"]
    check(body(taken), secrets, "the configuration as a file")


def test_statement_33_no_choice_search_or_question_tells_a_secret(secrets: dict[str, str], operator: Client) -> None:
    """What is typed stands in the answer, of course; so a secret's middle is typed, and the whole is looked for."""
    parts = ["", *(secret[2:-2] for secret in secrets.values())]
    chosen = list(everywhere.choices())
    assert set(parts) > set(TYPED)
    assert len(chosen) > 5
    for part in parts:
        for asked in chosen if part in TYPED else ():
            answer = operator.get(reverse("admin:autocomplete"), asked | {"term": part})
            assert answer.status_code == 200 and (part == "" or answer.json()["results"] == []), asked
            check(answer.content.decode(), secrets, str(asked))
        for address in (reverse("admin:search"), "/dashboard/find/"):
            text = operator.get(address, {"s": part, "q": part, "extended": "1"}).content.decode()
            check(text, secrets, f"{address} {part}")
            assert part == "" or "…0815" not in text, "a secret is searched in"
    for where, verb in everywhere.questions(operator):
        listed = operator.get(where, {"q": parts[1]})
        check(listed.content.decode(), secrets, f"{where} searched")
        assert not listed.context["cl"].result_list or not listed.context["cl"].search_fields, where
        rows_there = [str(row.pk) for row in operator.get(where).context["cl"].result_list]
        if verb in ASKS and rows_there:
            asked = operator.post(where, {"action": verb, "_selected_action": rows_there, "index": "0"})
            assert asked.status_code == 200, (where, verb)
            check(asked.content.decode(), secrets, f"{verb} at {where}")


def test_statement_33_messages_that_follow_a_deed_tell_no_secret(secrets: dict[str, str], operator: Client) -> None:
    """Every verb on every row of every list, done; then the page that says so, and the log of it."""
    for where, verb in everywhere.questions(operator):
        rows_there = [str(row.pk) for row in operator.get(where).context["cl"].result_list]
        data = {"action": verb, "_selected_action": rows_there, "index": "0", "post": "yes"}
        told = operator.post(where, data, follow=True) if rows_there and "user" not in where else None
        if told is not None:
            check(told.content.decode(), secrets, f"after {verb} at {where}")
    check(body(operator.get(reverse("admin:providers_auditentry_download"))), secrets, "the audit log after all that")
    for entry in AuditEntry.objects.all():
        address = reverse("admin:providers_auditentry_change", args=[entry.pk])
        check(operator.get(address).content.decode(), secrets, address)


class Away:
    """The database refuses whatever writes the audit log, as a full disk would."""

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("INSERT INTO") and AuditEntry._meta.db_table in sql:
            raise OperationalError("disk full")
        return execute(sql, *rest)


def test_statement_33_what_was_typed_stands_on_no_page_about_a_failure(
    secrets: dict[str, str], operator: Client, caplog: pytest.LogCaptureFixture
) -> None:
    row = rows.credential()
    operator.raise_request_exception = False
    for verb in ("rotate", "replace"):
        where = reverse(f"admin:providers_credential_{verb}_key", args=[row.pk])
        typed = fields_of(operator.get(where)) | {"secret": f"{SECOND}-{verb}", "overlap": "1"}
        with connection.execute_wrapper(Away()):
            failed = operator.post(where, typed)
        assert failed.status_code == 500
        check(failed.content.decode() + caplog.text, secrets, f"a {verb} that failed")


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
    closed = browser_of(staff("vic", "viewer")).post(where, wrong)
    assert closed.status_code in (302, 403)
    check(closed.content.decode(), secrets, "a form that is not theirs")
    misled = operator.post(where, wrong, headers={"host": "elsewhere.example"})
    assert misled.status_code == 400
    check(misled.content.decode(), secrets, "another host's name")


DIALOGS = {
    *("provider-test", "provider-key", "provider-drain", "deployment-test", "deployment-alias", "deployment-price"),
    *("budget-raise", "budget-notify", "budget-thresholds", "key-new", "discover", "test-result"),
}


TYPED_INTO = DIALOGS - {"provider-drain", "test-result"}
EMPTY = {"reason": ""}


def routes_of_the_dashboard() -> Iterator[tuple[str, list[str]]]:
    """Each named route, and what its address is made of."""
    _, below = get_resolver().namespace_dict["dashboard"]
    for name in filter(lambda each: isinstance(each, str), below.reverse_dict):
        for made_of, *_ in below.reverse_dict.getlist(name):
            yield from ((name, words) for _, words in made_of)


def test_statement_33_no_page_or_dialog_of_the_dashboard_tells_a_secret(
    secrets: dict[str, str], operator: Client
) -> None:
    """As they open, and as they come back after nothing was typed; a word of an address without a value here fails."""
    for make in rows.ROWS.values():
        make()
    server, key = rows.credential().provider, rows.client_key()
    asked = operator.post(reverse("dashboard:provider-test", args=[server.name]), EMPTY)
    values: dict[str, list[object]] = {
        "provider": [server.name], "name": [server.name, "cost"], "deployment_id": [rows.deployment().pk],
        "budget": [rows.budget().pk], "key_id": [key.pk], "request_id": [f"req_{rows.record(key).id.hex}"],
        "page": ["upstreams"], "number": [asked["Location"].rstrip("/").rpartition("/")[2]], "panel": ["cost_groups"],
        "verb": ["drain", "reset", "load"], "word": ["model", "key"], "run": [1], "case_id": [1], "invoice_id": [1],
    }  # fmt: skip
    opened = set()
    for name, words in routes_of_the_dashboard():
        for chosen in product(*(values[word] for word in words)):
            where = reverse(f"dashboard:{name}", kwargs=dict(zip(words, chosen, strict=True)))
            for answer in (operator.get(where), *([operator.post(where, EMPTY)] if name in TYPED_INTO else [])):
                check(body(answer), secrets, where)
                opened |= {name} if answer.status_code in (200, 409) else set()
    assert opened >= DIALOGS
    taken = {"secret": SECOND, "name": server.credentials.all()[0].name}
    refused = operator.post(reverse("dashboard:provider-key", args=[server.name]), taken)
    assert refused.status_code == 422
    check(refused.content.decode(), secrets, "a key under a name that is taken")


def test_statement_33_no_answer_of_the_operators_api_tells_a_secret(secrets: dict[str, str]) -> None:
    call = Caller(keys.issue(rows.tenant(), "script", operator=True)[1])
    rows.latency_profile()
    assert call("POST", "reprofile", {}).status_code == 202
    rows.record(rows.client_key())
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
    assert found == {*COLLECTIONS, *OTHERS, *NOT_OFFERED}
