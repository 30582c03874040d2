"""Pitfall 4: a credential is told by its end, fingerprint and last use; it is replaced or rotated, never edited."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from uuid_utils import uuid7

from providers.catalog import load_catalog
from providers.models import AuditEntry, Credential
from providers.revisions import CATALOG, numbers
from providers.secrets import fingerprint, unseal
from tests.admin import rows
from tests.admin.pages import fields_of, fill
from tests.people import browser_of, staff
from usage import ids
from usage.models import AttemptRecord
from usage.selectors.lastuse import last_use, with_last_use

OLD, NEW = "sk-the-old-one-of-two-1111", "sk-the-new-one-of-two-2222"


def action(row: Credential, verb: str) -> str:
    return reverse(f"admin:providers_credential_{verb}_key", args=[row.pk])


def presented() -> list[str]:
    """The keys that the data plane would present."""
    (target,) = load_catalog().targets
    return [secret.value for secret in target.secrets]


def attempted(row: Credential, at: datetime) -> None:
    """A record of an attempt with a credential, in a request that came at an instant."""
    request_id = uuid.UUID(int=ids.first_id(int(at.timestamp() * 1000)).int | uuid7().int & (1 << 62) - 1)
    figures = {"tenant_id": 1, "index": 0, "deployment_id": 1, "started_ms": 0, "ended_ms": 5, "kind": "first"}
    AttemptRecord.objects.create(
        id=request_id,
        request_id=request_id,
        deployment=f"{row.provider}/m",
        provider=row.provider.name,
        model="m",
        status="answered",
        committed=True,
        estimated=False,
        credential=row.last_four,
        **figures,
    )


@pytest.fixture
def stored(db: None) -> Credential:
    """The one credential of a provider with a deployment."""
    row = rows.credential(OLD)
    rows.deployment(provider=row.provider)
    return row


def test_pitfall_04_pages_tell_a_key_by_its_end_and_its_fingerprint(operator: Client, stored: Credential) -> None:
    for where in (
        reverse("admin:providers_provider_change", args=[stored.provider_id]),
        reverse("admin:providers_credential_change", args=[stored.pk]),
        reverse("admin:providers_credential_changelist"),
    ):
        told = operator.get(where).content.decode()
        assert "…1111" in told and fingerprint(OLD) in told and OLD not in told, where


def test_pitfall_04_a_key_cannot_be_guessed_from_its_fingerprint(settings: object) -> None:
    told = fingerprint(OLD)
    assert told == fingerprint(OLD) != fingerprint(NEW)
    digests = {hashlib.new(name, OLD.encode()).hexdigest()[:12] for name in ("sha256", "sha1", "md5", "blake2b")}
    assert told not in digests
    settings.CLIENT_KEY_PEPPER = "that of another installation"  # type: ignore[attr-defined]
    assert fingerprint(OLD) != told


def test_pitfall_04_a_stored_key_is_no_field_of_any_page(operator: Client, stored: Credential) -> None:
    pages = {
        "provider_form": (
            reverse("admin:providers_provider_change", args=[stored.provider_id]),
            "credentials-0-secret",
        ),
        "credential_form": (reverse("admin:providers_credential_change", args=[stored.pk]), "secret"),
    }
    for form, (where, field) in pages.items():
        assert field not in fields_of(operator.get(where), form)
        assert fill(operator, where, form, **{field: NEW}).status_code == 302
    assert presented() == [OLD]


def test_pitfall_04_replacing_takes_a_key_and_a_reason(operator: Client, stored: Credential) -> None:
    page = operator.get(action(stored, "replace"))
    assert fields_of(page)["secret"] == [""] and "no-store" in page["Cache-Control"]
    before = numbers().get(CATALOG, 0)
    Credential.objects.update(expires_at=timezone.now() + timedelta(days=1))
    answer = fill(operator, action(stored, "replace"), None, secret=NEW, reason="the old one leaked")
    assert answer.status_code == 302 and numbers()[CATALOG] == before + 1
    assert presented() == [NEW] and Credential.objects.get().expires_at is None
    told = AuditEntry.objects.get()
    assert (told.action, told.reason) == ("replaced", "the old one leaked")
    assert told.changes["ciphertext"] == ["(secret)", "changed"] and told.changes["last_four"] == ["1111", "2222"]


def test_pitfall_04_the_old_key_overlaps_as_long_as_was_chosen(operator: Client, stored: Credential) -> None:
    answer = fill(operator, action(stored, "rotate"), None, secret=NEW, overlap="1", reason="yearly")
    assert answer.status_code == 302 and sorted(presented()) == sorted([OLD, NEW])
    old, new = Credential.objects.get(pk=stored.pk), Credential.objects.exclude(pk=stored.pk).get()
    assert (new.name, unseal(new.ciphertext), new.expires_at) == ("default", NEW, None)
    assert old.name == f"default~{fingerprint(OLD)}" and old.expires_at is not None
    assert timedelta(minutes=59) < old.expires_at - timezone.now() <= timedelta(hours=1)
    assert load_catalog().until == old.expires_at
    told = {entry.action: entry.changes for entry in AuditEntry.objects.filter(reason="yearly")}
    assert set(told) == {"rotated", "added"} and "expires_at" in told["rotated"]
    assert told["added"]["ciphertext"] == [None, "(secret)"]
    Credential.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    assert presented() == [NEW] and load_catalog().until is None


def test_pitfall_04_without_overlap_the_old_key_stops_now(operator: Client, stored: Credential) -> None:
    fill(operator, action(stored, "rotate"), None, secret=NEW, overlap="0")
    assert presented() == [NEW]
    page = operator.get(reverse("admin:providers_credential_change", args=[stored.pk])).content.decode()
    assert "expired" in page
    assert "there is nothing to rotate" in operator.get(action(stored, "rotate")).content.decode()
    assert fill(operator, action(stored, "rotate"), None, secret=f"{NEW}-3", overlap="1").status_code == 200
    assert presented() == [NEW]


@pytest.mark.parametrize("verb", ["rotate", "replace"])
def test_pitfall_04_a_key_that_is_there_or_broken_is_refused(operator: Client, stored: Credential, verb: str) -> None:
    rows.credential(NEW, provider=stored.provider, name="other")
    for wrong, why in ((OLD, "stored already, as default …1111"), (NEW, "as other …2222"), ("two words", "no spaces")):
        answer = fill(operator, action(stored, verb), None, secret=wrong, overlap="1")
        assert answer.status_code == 200 and why in answer.content.decode() and wrong not in _typed(answer)
    assert sorted(presented()) == sorted([OLD, NEW]) and not AuditEntry.objects.exists()


def _typed(answer: HttpResponse) -> str:
    return str(fields_of(answer))


def test_pitfall_04_a_name_that_the_provider_has_already_is_refused(operator: Client, stored: Credential) -> None:
    other = rows.credential(NEW, provider=stored.provider, name="other")
    where = reverse("admin:providers_credential_change", args=[other.pk])
    assert (
        "has a credential called default" in fill(operator, where, "credential_form", name="default").content.decode()
    )


def test_pitfall_04_operators_change_keys_and_others_do_not(stored: Credential) -> None:
    for role in ("viewer", "finance"):
        for verb in ("rotate", "replace"):
            answer = browser_of(staff(f"{role}-{verb}", role)).post(action(stored, verb), {"secret": NEW})
            assert answer.status_code == 403
    assert presented() == [OLD]
    fill(browser_of(staff("opal", "operator")), action(stored, "rotate"), None, secret=NEW, overlap="168")
    assert len(presented()) == 2


def used(row: Credential) -> datetime | None:
    return last_use(with_last_use(Credential.objects.filter(pk=row.pk)).get())


def test_pitfall_04_the_last_use_is_the_newest_attempt_and_else_unknown(operator: Client, stored: Credential) -> None:
    pages = [
        reverse("admin:providers_provider_change", args=[stored.provider_id]),
        reverse("admin:providers_credential_change", args=[stored.pk]),
    ]
    newest = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    for at in (newest - timedelta(days=2), newest, newest - timedelta(hours=1)):
        attempted(stored, at)
    attempted(rows.credential(OLD), newest + timedelta(days=1))  # of another provider
    assert used(stored) == newest
    for where in pages:
        assert "2026-03-04 05:06" in operator.get(where).content.decode(), where
    rows.credential(f"sk-another-with-the-end-{OLD[-4:]}", provider=stored.provider, name="twin")
    assert used(stored) is None
    for where in pages:
        assert "2026-03-04 05:06" not in operator.get(where).content.decode(), where


def test_pitfall_04_the_last_use_is_looked_up_in_an_index(stored: Credential) -> None:
    with CaptureQueriesContext(connection) as seen:
        used(stored)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {seen[0]['sql']}")
        plan = [str(line) for line in cursor.fetchall()]
    walked = [line for line in plan if "attempt" in line]
    assert len(seen) == 1 and walked and all("attempt_credential" in line for line in walked), plan
