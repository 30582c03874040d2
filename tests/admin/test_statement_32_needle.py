"""Statement 32: who belongs to one tenant meets nothing of another, in any answer of pages, files, lists and APIs."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.attention import check
from dashboard.board import Board, board, change
from dashboard.choices import OFFERED
from dashboard.pages import NAVIGATION
from dashboard.rendering import panels_of
from providers.attention import Notice
from providers.audit import Actor, record, state
from tenants.models import AlertDelivery, ClientKey, Membership, Tenant
from tests.admin import everywhere, rows
from tests.admin.test_statement_33_needle import COLLECTIONS
from tests.dashboard.traffic import outcome, ship
from usage.outcomes import Kept, Outcome

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_var")]
NEEDLE = "zzneedle"  # in every name and text of the other tenant
NOW = datetime.now(UTC)
ACTOR = Actor("somebody", "admin", None)
RANGE = {"range": "7d"}


def of(tenant: Tenant, key: ClientKey, number: int, **facts: object) -> Outcome:
    told = outcome(NOW - timedelta(minutes=number + 1), random.Random(number))
    for name, value in {"tenant_id": tenant.pk, "tenant": tenant.name, "key_id": key.pk, **facts}.items():
        setattr(told, name, value)
    told.key_prefix = key.prefix
    return told


@pytest.fixture
def foreign(ours: Tenant, limited: Client, tmp_path: Path) -> Outcome:
    """A request of another tenant, of which there is a row of every kind that has a tenant."""
    theirs = rows.tenant(name=f"{NEEDLE}-tenant", keep_bodies_days=30)
    key, own = rows.client_key(tenant=theirs, name=f"{NEEDLE}-key"), rows.client_key(tenant=ours, name="own")
    ClientKey.objects.filter(pk=key.pk).update(prefix=f"{NEEDLE}1", created_at=NOW - timedelta(days=200))
    key.refresh_from_db()
    said = {"session": f"{NEEDLE}-session", "tags": [f"{NEEDLE}-tag"], "asked_model": f"{NEEDLE}-model"}
    told = [of(theirs, key, n, **said, policy=f"{NEEDLE}-policy") for n in range(30)]
    told[0].kept = Kept(f'{{"messages": [{{"role": "user", "content": "{NEEDLE}-said"}}]}}'.encode(), b"{}", False)
    ship([*told, *(of(ours, own, n) for n in range(40, 70))], tmp_path / "spool")
    about = rows.budget(tenant=theirs, tag=f"{NEEDLE}-tag", limit_usd=Decimal("0.000001"))
    rows.budget(tenant=theirs, key=key)
    receiver = rows.receiver(tenant=theirs, name=f"{NEEDLE}-receiver")
    AlertDelivery.objects.create(receiver=receiver, message={"text": f"{NEEDLE}-message"}, due_at=NOW)
    for made in (rows.rating(), rows.evaluation()):
        made.comment = f"{NEEDLE}-comment"
        rows.of_tenant(made, theirs)
    for row in (theirs, key, about, receiver):
        record(ACTOR, "changed", row, {"name": ["before", f"{NEEDLE}-after"]}, f"{NEEDLE}-reason")
    for name in ("somebody", f"{NEEDLE}-person"):
        Membership.objects.create(user=User.objects.create_user(name, is_staff=True), tenant=theirs)
    User.objects.create_user(f"{NEEDLE}-nobodys")
    check(timezone.now())
    tells = Notice(f"{NEEDLE}-notice", f"{NEEDLE}-effect", "/", about=f"{NEEDLE}-about", tenant=theirs.pk)
    change(
        lambda board: Board(
            **{f: getattr(board, f) for f in board.__struct_fields__} | {"notices": (*board.notices, tells)}
        )
    )
    return told[0]


def pages() -> Iterator[tuple[str, dict[str, str]]]:
    """Every address of the dashboard that shows rows, with what narrows and groups them."""
    for page in NAVIGATION:
        for group in ("", "tenant"):
            yield f"/dashboard/{page.path}", RANGE | ({"group": group} if group else {})
        yield f"/dashboard/parts/{page.name}/", RANGE
        for panel in panels_of(page.name):
            yield f"/dashboard/panels/{page.name}/{panel.name}.csv", RANGE | {"group": "key", "comments": "1"}
    yield from ((f"/dashboard/choices/{word}/", {"q": text}) for word in OFFERED for text in ("", NEEDLE[2:]))
    for text in (NEEDLE[2:], "own", ""):
        yield "/dashboard/find/", {"q": text}
    for name in ("settings/", "live/now/", "help/", "start/", "invoices/", "stats", "usage?by=tenant", "models"):
        yield f"/dashboard/{name}", {}


def api() -> Iterator[tuple[str, dict[str, str]]]:
    for name in (*COLLECTIONS, "config", "live", "vram", "vram/history", "profiles/tokens"):
        for words in ({}, {"q": NEEDLE}, {"search": NEEDLE}):
            yield f"/api/admin/{name}", words


def in_admin() -> Iterator[tuple[str, dict[str, str]]]:
    for found in everywhere.addresses().values():
        yield from ((address, {}) for address in found if not address.endswith("/add/") and "no-id" not in address)
    for model in admin.site._registry:
        where = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        yield where, {"q": NEEDLE}
    for field in everywhere.choices():
        yield from ((reverse("admin:autocomplete"), field | {"term": text}) for text in ("", NEEDLE[2:]))
    yield from ((reverse("admin:search"), {"s": text, "extended": "1"}) for text in (NEEDLE[2:], "somebody"))


def said_at(browser: Client, address: str, words: dict[str, str]) -> str:
    answer = browser.get(address, words, headers={"accept": "application/json"}, follow=True)
    if not answer.streaming:
        return answer.content.decode(errors="replace")

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(whole)().decode()


@pytest.mark.parametrize("where", [pages, api, in_admin])
def test_statement_32_nothing_of_another_tenant_stands_in_any_answer(limited: Client, foreign: Outcome, where) -> None:
    told = []
    for address, words in where():
        said = said_at(limited, address, words)
        for value in words.values():  # what was typed comes back in fields and addresses
            said = said.replace(value, "") if NEEDLE in value else said
        if NEEDLE in said:
            at = said.index(NEEDLE)
            told.append((address, words, said[max(at - 90, 0) : at + 40]))
    assert not told, told


def test_statement_32_nothing_can_be_done_to_what_is_anothers(limited: Client, ours: Tenant, foreign: Outcome) -> None:
    key, tenant = ClientKey.objects.get(pk=foreign.key_id), Tenant.objects.get(pk=foreign.tenant_id)
    about, before = f"/dashboard/requests/req_{foreign.id}/", state(key)
    for address in (about, f"/dashboard/usage/keys/{key.pk}/rotate/", f"/dashboard/usage/keys/{key.pk}/revoke/"):
        assert limited.get(address).status_code == 404, address
    for address in (f"{about}read/", f"{about}rate/", f"/dashboard/live/req_{foreign.id}/cancel/"):
        assert limited.post(address, {"score": "1", "reason": "why"}).status_code == 404, address
    for address in (f"tenants/{tenant.pk}", f"api-keys/{key.pk}"):
        for method in ("GET", "PATCH", "DELETE"):
            sent = {"data": "{}", "content_type": "application/json"}
            assert limited.generic(method, f"/api/admin/{address}", **sent).status_code == 404, (method, address)
    limited.post("/dashboard/attention/acknowledge/", {"about": f"{NEEDLE}-about"})
    assert not board().acknowledged and state(ClientKey.objects.get(pk=key.pk)) == before


def test_statement_32_nobody_is_made_a_member_of_what_one_does_not_see(
    limited: Client, ours: Tenant, foreign: Outcome
) -> None:
    somebody, me = User.objects.get(username="somebody"), User.objects.get(username="lim")

    def put(person: User, tenants: list[str]) -> HttpResponse:
        sent = json.dumps({"tenants": tenants})
        return limited.patch(f"/api/admin/users/{person.pk}", sent, content_type="application/json")

    refused = put(me, [ours.name, foreign.tenant[:-1]])
    assert refused.status_code == 400 and NEEDLE not in refused.json()["error"]["message"].replace(
        foreign.tenant[:-1], ""
    )
    assert put(me, [foreign.tenant]).status_code == 400
    assert put(somebody, [ours.name]).status_code == 404, "who is of no tenant in sight is not there"
    Membership.objects.create(user=somebody, tenant=ours)
    assert put(somebody, []).json()["tenants"] == [] and put(somebody, [ours.name]).status_code == 404
    Membership.objects.create(user=somebody, tenant=ours)
    assert put(somebody, [ours.name]).json()["tenants"] == [ours.name]
    assert set(Membership.objects.filter(user=somebody).values_list("tenant__name", flat=True)) == {
        ours.name,
        foreign.tenant,
    }
    assert limited.delete(f"/api/admin/users/{somebody.pk}").status_code in (403, 409)
    assert limited.get(reverse("admin:auth_user_delete", args=[somebody.pk])).status_code == 403
    assert User.objects.filter(pk=somebody.pk).exists()
