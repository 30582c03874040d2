"""Does the admin's palette (Ctrl+K) find what there is, of tenants in sight, and as it is now?"""

import pytest
from django.test import Client
from django.urls import reverse

from tenants.models import Tenant
from tests.admin import rows
from tests.people import browser_of, staff
from usage.models import RequestRecord

pytestmark = pytest.mark.django_db


def found(browser: Client, text: str) -> str:
    """What the palette answers while somebody types."""
    return browser.get(reverse("admin:search"), {"s": text, "extended": "1"}).content.decode()


def sent(tenant: Tenant, name: str) -> RequestRecord:
    return rows.record(rows.client_key(tenant=tenant, name=name))


def test_a_request_is_found_by_its_id_and_by_how_it_begins(operator: Client, ours: Tenant) -> None:
    record = sent(ours, "ci")
    address = reverse("dashboard:request", args=[str(record)])
    begins = record.id.hex[:12]
    for typed in (str(record), f" {str(record).upper()} ", record.id.hex, str(record.id), f"req_{begins}", begins):
        assert f'href="{address}"' in found(operator, typed), typed
    other = f"{int(begins, 16) - 1:012x}"
    assert "/req_" not in found(operator, other) and "/req_" not in found(operator, begins[:7])


def test_keys_tenants_models_and_pages_of_the_dashboard_are_found(operator: Client, ours: Tenant) -> None:
    key, model = rows.client_key(tenant=ours, name="ci"), rows.language_model(name="tiny-llama", aliases=["small"])
    for typed, name, leads_to in (
        (key.prefix, f"{key.prefix}…", f"key={key.pk}"),
        (key.prefix[:-1].upper(), f"{key.prefix}…", reverse("admin:tenants_clientkey_change", args=[key.pk])),
        ("our", "ours", "tenant=ours"),
        ("our", "ours", reverse("admin:tenants_tenant_change", args=[ours.pk])),
        ("tiny", "tiny-llama", "model=tiny-llama"),
        ("tiny", "tiny-llama", reverse("admin:providers_languagemodel_change", args=[model.pk])),
        ("smal", "small", "model=tiny-llama"),
        ("latency", "Latency", "/dashboard/latency/"),
    ):
        said = found(operator, typed)
        assert name in said and leads_to in said, typed


def test_who_sees_a_tenant_finds_nothing_of_another(limited: Client, ours: Tenant, theirs: Tenant) -> None:
    own, foreign = sent(ours, "secretive"), sent(theirs, "secretive")
    for typed in (str(foreign), foreign.id.hex[:12], foreign.id.hex[:8], foreign.key_prefix, "theirs", "secretive"):
        said = found(limited, typed)
        for told in (f"/{foreign}/", foreign.key_prefix, f"key={foreign.key_id}", ">theirs", "theirs/", "=theirs"):
            assert told not in said, (typed, told)
    for typed in (str(own), own.id.hex[:8]):
        assert f"/{own}/" in found(limited, typed)
    assert f"{own.key_prefix}…" in found(limited, "secretive")


def test_who_sees_no_tenant_finds_no_row_of_one(ours: Tenant) -> None:
    record, nobody = sent(ours, "ci"), browser_of(staff("nora", "viewer"))
    for typed in (str(record), record.key_prefix, "ours"):
        assert "No results" in found(nobody, typed)


def test_it_says_what_is_now(operator: Client, ours: Tenant) -> None:
    """Of rows that come and go, whatever was asked in the five minutes before."""
    first = rows.client_key(tenant=ours, name="deploy-first")
    assert "deploy-first" in found(operator, "deploy-")
    rows.client_key(tenant=ours, name="deploy-second")
    assert "deploy-second" in found(operator, "deploy-")
    first.delete()
    assert "deploy-first" not in found(operator, "deploy-")


def test_strangers_are_sent_to_the_login(client: Client, ours: Tenant) -> None:
    answer = client.get(reverse("admin:search"), {"s": str(sent(ours, "ci")), "extended": "1"})
    assert answer.status_code == 302 and reverse("admin:login") in answer["Location"]
