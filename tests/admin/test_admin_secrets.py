"""A credential never comes back, on no page; a client key is shown once and kept as an HMAC."""

import re
from collections import deque

import pytest
from django.contrib.admin.models import LogEntry
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.views.debug import SafeExceptionReporterFilter

from providers.models import AuditEntry, Credential, Provider
from providers.secrets import unseal
from tenants import keys
from tenants.keyring import authenticate, load_keyring
from tenants.models import ClientKey
from tests.admin import rows
from tests.admin.pages import fields_of, fill

NEEDLE = "sk-needle-in-a-haystack-0815"
LINK = re.compile(r"""(?:href|hx-get)=["']([^"'#?]*)""")
KEY = re.compile(r"nr-[0-9A-Za-z]{46}")


def crawl(client: Client, start: str) -> dict[str, str]:
    """Every page below /admin/ that a link leads to, by address; nothing is posted."""
    seen: dict[str, str] = {}
    todo = deque([start])
    while todo:
        address = todo.popleft()
        if address in seen or not address.startswith("/admin/") or "logout" in address:
            continue
        response = client.get(address)
        whole = response.status_code == 200 and not response.streaming  # a file is searched by a test of its own
        seen[address] = response.content.decode() if whole else ""
        todo.extend(LINK.findall(seen[address]))
    return seen


def second(secret: str) -> dict[str, str]:
    """What is typed on a provider's page to give it a second credential."""
    return {"credentials-TOTAL_FORMS": "2", "credentials-1-name": "second", "credentials-1-secret": secret}


def new_key(client: Client, name: str = "ci") -> tuple[ClientKey, str, HttpResponse]:
    owner = rows.tenant()
    response = fill(client, reverse("admin:tenants_clientkey_add"), "clientkey_form", tenant=owner.pk, name=name)
    return ClientKey.objects.get(tenant=owner), KEY.findall(response.content.decode())[0], response


def test_no_page_shows_a_credential_or_a_client_key(operator: Client) -> None:
    provider = rows.credential(NEEDLE).provider
    rows.deployment(provider=provider)
    _key, plain, _response = new_key(operator)
    fill(operator, reverse("admin:providers_provider_change", args=[provider.pk]), "provider_form", name="renamed")
    pages = crawl(operator, reverse("admin:index"))
    assert reverse("admin:providers_provider_history", args=[provider.pk]) in pages
    assert reverse("admin:providers_auditentry_changelist") in pages and len(pages) > 30
    for address, text in pages.items():
        assert NEEDLE not in text and plain not in text and plain[12:] not in text, address
    assert "…0815" in pages[reverse("admin:providers_provider_change", args=[provider.pk])]


def test_pitfall_04_a_typed_credential_is_stored_sealed_and_not_sent_back(operator: Client) -> None:
    row = rows.credential()
    address = reverse("admin:providers_provider_change", args=[row.provider.pk])
    response = fill(operator, address, "provider_form", **second(NEEDLE), base_url="ftp://wrong")
    assert response.status_code == 200 and NEEDLE not in response.content.decode()
    response = fill(operator, address, "provider_form", **second(NEEDLE))
    assert response.status_code == 302, response.context["errors"]
    typed = Credential.objects.get(name="second")
    assert unseal(typed.ciphertext) == NEEDLE and typed.last_four == "0815"


def test_saving_a_provider_keeps_its_credential(operator: Client) -> None:
    row = rows.credential(NEEDLE)
    fill(operator, reverse("admin:providers_provider_change", args=[row.provider.pk]), "provider_form", name="renamed")
    assert unseal(Credential.objects.get().ciphertext) == NEEDLE
    assert Provider.objects.get().name == "renamed"


@pytest.mark.parametrize("bad", ["short", "sk-two words-and-more", "sk-späce-ünd-more"])
def test_a_miscopied_credential_is_refused_with_a_reason(bad: str, operator: Client) -> None:
    row = rows.credential()
    address = reverse("admin:providers_provider_change", args=[row.provider.pk])
    response = fill(operator, address, "provider_form", **second(bad))
    assert response.status_code == 200 and bad not in response.content.decode()
    assert "cop" in str(response.context["errors"])


def test_a_header_that_carries_a_key_is_refused(operator: Client) -> None:
    address = reverse("admin:providers_provider_change", args=[rows.provider().pk])
    response = fill(operator, address, "provider_form", headers="Authorization: Bearer x")
    assert "enter it as a credential" in response.content.decode()


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Expect", "Accept-Encoding"])
def test_a_header_that_frames_requests_is_refused(name: str, operator: Client) -> None:
    address = reverse("admin:providers_provider_change", args=[rows.provider().pk])
    response = fill(operator, address, "provider_form", headers=f"{name}: 7")
    assert f"{name} is for the gateway itself to say" in str(response.context["errors"])


def test_pitfall_04_history_and_audit_log_hold_no_secret(operator: Client) -> None:
    row = rows.credential()
    address = reverse("admin:providers_provider_change", args=[row.provider.pk])
    fill(operator, address, "provider_form", **second(NEEDLE))
    fill(operator, reverse("admin:providers_credential_replace_key", args=[row.pk]), None, secret=f"{NEEDLE}-too")
    _key, plain, _response = new_key(operator)
    encode = DjangoJSONEncoder().encode
    told = encode([list(LogEntry.objects.values()), list(AuditEntry.objects.values())])
    sealed = [bytes(each.ciphertext).decode() for each in Credential.objects.all()]
    for secret in (NEEDLE, plain, plain[12:], *sealed, keys.digest(plain)):
        assert secret not in told
    assert "changed" in told


def test_pitfall_04_error_reports_leave_the_typed_fields_out(operator: Client) -> None:
    row = rows.credential()
    page = reverse("admin:providers_provider_change", args=[row.provider.pk])
    answers = [fill(operator, page, "provider_form", **second(NEEDLE))]
    for verb in ("rotate", "replace"):
        action = reverse(f"admin:providers_credential_{verb}_key", args=[row.pk])
        answers.append(fill(operator, action, None, secret=f"{NEEDLE}-{verb}"))
    for request in [answer.wsgi_request for answer in answers]:
        assert NEEDLE in str(request.POST)
        assert NEEDLE not in str(SafeExceptionReporterFilter().get_post_parameters(request))


def test_a_client_key_is_shown_once_with_a_curl_that_holds_it(operator: Client) -> None:
    key, plain, response = new_key(operator)
    text = response.content.decode()
    assert f'-H "Authorization: Bearer {plain}"' in text
    assert "http://testserver/v1/chat/completions" in text
    assert "no-store" in response["Cache-Control"]
    assert authenticate(plain, load_keyring(), timezone.now().timestamp()).key_id == key.pk
    assert key.digest == keys.digest(plain)
    reopened = operator.get(reverse("admin:tenants_clientkey_change", args=[key.pk])).content.decode()
    assert key.prefix in reopened and plain[12:] not in reopened


def test_a_key_expires_when_the_form_said(operator: Client) -> None:
    owner = rows.tenant()
    address = reverse("admin:tenants_clientkey_add")
    fill(operator, address, "clientkey_form", tenant=owner.pk, name="ci", lifetime="30", reason="a trial")
    key = ClientKey.objects.get()
    assert key.expires_at is not None and round((key.expires_at - key.created_at).total_seconds() / 86400, 3) == 30
    assert AuditEntry.objects.get(kind="client key").reason == "a trial"


def test_a_keys_page_and_the_list_say_when_it_was_last_used(operator: Client) -> None:
    key = rows.client_key()
    address = reverse("admin:tenants_clientkey_change", args=[key.pk])
    assert "—" in operator.get(address).content.decode().split("Last used")[1]
    rows.record(key)
    hour = f"{timezone.now():%Y-%m-%d %H:}"
    assert hour in operator.get(address).content.decode().split("Last used")[1]
    (cell,) = re.findall(
        r'data-label="Last used">([^<]*)', operator.get(reverse("admin:tenants_clientkey_changelist")).content.decode()
    )
    assert cell.strip().startswith(hour)


def test_rotation_makes_a_key_of_the_same_name_and_lets_the_old_one_overlap(operator: Client) -> None:
    old, old_plain, _response = new_key(operator, "ci")
    response = fill(
        operator, reverse("admin:tenants_clientkey_rotate_key", args=[old.pk]), None, overlap="1", reason="r"
    )
    plain = KEY.findall(response.content.decode())[0]
    ring, now = load_keyring(), timezone.now().timestamp()
    assert authenticate(plain, ring, now).key_name == "ci" and plain != old_plain
    assert authenticate(old_plain, ring, now).key_id == old.pk
    old.refresh_from_db()
    assert old.expires_at is not None and 3500 < old.expires_at.timestamp() - now <= 3600
    told = {entry.action: entry for entry in AuditEntry.objects.filter(reason="r")}
    assert set(told) == {"rotated", "added"} and "expires_at" in told["rotated"].changes


def test_revoking_asks_first_and_says_what_it_ends(operator: Client) -> None:
    key, plain, _response = new_key(operator)
    address = reverse("admin:tenants_clientkey_revoke_key", args=[key.pk])
    page = operator.get(address)
    assert str(key) in page.content.decode() and "for good" in page.content.decode()
    key.refresh_from_db()
    assert key.revoked_at is None
    assert operator.post(address, fields_of(page) | {"reason": ["leaked"]}).status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert AuditEntry.objects.get(reason="leaked").changes["revoked_at"][0] is None
    assert "already revoked" in operator.get(address).content.decode()


def test_a_chosen_set_of_keys_is_revoked_after_the_question(operator: Client) -> None:
    chosen = [rows.client_key() for _ in range(3)]
    rows.client_key()
    address = reverse("admin:tenants_clientkey_changelist")
    data = {"action": "revoke_selected", "_selected_action": [key.pk for key in chosen], "index": "0"}
    page = operator.post(address, data)
    assert page.status_code == 200 and ClientKey.objects.filter(revoked_at=None).count() == 4
    assert operator.post(address, fields_of(page)).status_code == 302
    assert set(ClientKey.objects.exclude(revoked_at=None)) == set(chosen)


def test_a_live_key_is_not_deleted(operator: Client) -> None:
    key = rows.client_key()
    assert operator.post(reverse("admin:tenants_clientkey_delete", args=[key.pk]), {"post": "yes"}).status_code == 403
    operator.post(reverse("admin:tenants_tenant_delete", args=[key.tenant.pk]), {"post": "yes"})
    assert ClientKey.objects.filter(pk=key.pk).exists()


def test_a_viewer_neither_rotates_nor_revokes_nor_tests(viewer: Client) -> None:
    key, provider = rows.client_key(), rows.provider()
    for name, row in (("tenants_clientkey_rotate_key", key), ("tenants_clientkey_revoke_key", key)):
        assert viewer.post(reverse(f"admin:{name}", args=[row.pk]), {"overlap": "0", "post": "yes"}).status_code == 403
    assert viewer.post(reverse("admin:providers_provider_test_connection", args=[provider.pk])).status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None and ClientKey.objects.count() == 1
