"""Do lists and pages of the admin call a thing by one name, and leave out what says nothing?"""

import re

import pytest
from django.conf import settings
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from profiling.models import Job
from providers.models import AuditEntry, Deployment, LanguageModel, Provider
from routing.models import Policy
from tenants.models import Tenant
from tests.admin import rows
from tests.admin.conftest import named

pytestmark = pytest.mark.django_db
ZONED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?! UTC)")


def _change(row: Model) -> str:
    return reverse(f"{named(type(row))}_change", args=[row.pk])


def test_the_address_of_a_provider_is_called_alike_in_list_and_form(operator: Client) -> None:
    provider = rows.provider()
    for where in (reverse("admin:providers_provider_changelist"), _change(provider)):
        text = operator.get(where).content.decode()
        assert "Base URL" in text and "Base url" not in text
        assert provider.base_url in text


def test_an_entry_of_the_audit_log_stands_in_the_audit_log(operator: Client) -> None:
    for where in (reverse("admin:providers_auditentry_changelist"), _change(rows.audit_entry())):
        text = operator.get(where).content.decode()
        assert "Audit entries" not in text and len(re.findall(r">\s*Audit log\s*<", text)) > 1, where


@pytest.mark.parametrize("make", [rows.audit_entry, rows.job, rows.latency_profile])
def test_what_machines_write_has_no_button_to_a_history(operator: Client, make) -> None:
    row = make()
    assert reverse(f"{named(type(row))}_history", args=[row.pk]) not in operator.get(_change(row)).content.decode()
    provider = rows.provider()
    assert (
        reverse("admin:providers_provider_history", args=[provider.pk])
        in operator.get(_change(provider)).content.decode()
    )


@pytest.mark.parametrize("model", [AuditEntry, Job])
def test_times_say_their_zone(operator: Client, model: type[Model]) -> None:
    row = rows.ROWS[model]()
    Job.objects.update(started_at=timezone.now(), finished_at=timezone.now())
    for where in (reverse(f"{named(model)}_changelist"), _change(row)):
        text = operator.get(where).content.decode()
        assert " UTC" in text and not ZONED.search(text), where


@pytest.mark.parametrize("model", [Provider, LanguageModel, Deployment, Policy, Tenant])
def test_who_only_reads_is_not_asked_for_a_reason(operator: Client, viewer: Client, model: type[Model]) -> None:
    where = _change(rows.ROWS[model]())
    label = re.compile(r">\s*Reason\b")
    assert label.search(operator.get(where).content.decode())
    assert not label.search(viewer.get(where).content.decode())


def test_a_machine_is_named_once() -> None:
    assert len(settings.ALLOWED_HOSTS) == len(set(settings.ALLOWED_HOSTS))
