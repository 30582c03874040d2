"""Pitfall 5: every write has an audit row of ours, with its request; the log leaves as a file as it is filtered."""

import pytest
from django.test import Client
from django.urls import reverse

from providers.models import AuditEntry
from tenants.models import Tenant
from tests.admin import rows
from tests.admin.pages import fill
from tests.dashboard.downloads import lines_at
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

CSV = "admin:providers_auditentry_download"


def test_pitfall_05_one_request_has_one_id_in_all_its_rows_and_in_its_answer(operator: Client) -> None:
    chosen = [rows.tenant(enabled=False) for _ in range(3)]
    data = {"action": "enable", "_selected_action": [row.pk for row in chosen]}
    answer = operator.post(reverse("admin:tenants_tenant_changelist"), data)
    assert set(AuditEntry.objects.values_list("request_id", flat=True)) == {answer["x-request-id"]}
    assert AuditEntry.objects.count() == 3
    page = operator.get(reverse("admin:providers_auditentry_changelist"), {"q": answer["x-request-id"]})
    assert page.context["cl"].result_count == 3


@pytest.mark.django_db
def test_pitfall_05_the_operators_api_and_its_apply_say_their_request_too() -> None:
    key = rows.keys.issue(rows.tenant(), "script", operator=True)[1]
    call = Caller(key)
    for answer in (
        call("POST", "tenants", {"name": "fresh"}),
        call("PUT", "config", {"tenants": [{"name": "fresh", "limits": {"requests_per_minute": 6}}]}),
    ):
        assert answer.status_code in (200, 201), answer.content
        told = AuditEntry.objects.filter(request_id=answer["x-request-id"])
        assert [entry.object_name for entry in told] == ["fresh"], answer.content
    assert Tenant.objects.get(name="fresh").requests_per_minute == 6
    listed = call("GET", f"audit-log?request_id={answer['x-request-id']}").json()["data"]
    assert [row["request_id"] for row in listed] == [answer["x-request-id"]]


def test_pitfall_05_a_schedule_with_a_zone_can_be_written_down(operator: Client) -> None:
    where = reverse("admin:django_celery_beat_crontabschedule_add")
    assert fill(operator, where, "crontabschedule_form", minute="7", timezone="Asia/Kolkata").status_code == 302
    assert AuditEntry.objects.get(kind="crontab").changes["timezone"] == [None, "Asia/Kolkata"]


def test_pitfall_05_the_log_leaves_as_a_file_with_the_filters_of_the_list(operator: Client) -> None:
    row = rows.tenant(default_policy="balanced")
    where = reverse("admin:tenants_tenant_change", args=[row.pk])
    fill(operator, where, "tenant_form", requests_per_minute="60")
    AuditEntry.objects.create(actor="bob", via="api", action="deleted", kind="policy", object_name="=cmd()")
    heads, *lines = lines_at(operator, reverse(CSV))
    assert len(lines) == 2 and lines[0][heads.index("actor")] == "bob"
    assert lines[0][heads.index("object_name")] == "'=cmd()"
    line = lines_at(operator, reverse(CSV), q="ana")[1]
    assert line[heads.index("object_name")] == row.name and '"requests_per_minute": [null, 60]' in line[-1]
    assert line[heads.index("address")] == "127.0.0.1" and line[heads.index("request_id")].startswith("req_")


@pytest.mark.django_db
def test_pitfall_05_who_may_not_read_the_log_gets_no_file() -> None:
    assert browser_of(staff("vic", "viewer")).get(reverse(CSV)).status_code == 403
