"""Pitfall 5: every write has an audit row of ours, with its request; the log leaves as a file as it is filtered."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse, reverse_lazy

from providers import audit
from providers.models import AuditEntry
from tenants.models import Tenant
from tests.admin import rows
from tests.admin.pages import fill, page
from tests.dashboard.downloads import lines_at
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

CSV, LIST = "admin:providers_auditentry_download", reverse_lazy("admin:providers_auditentry_changelist")
QUERIES = 7  # session, person, rows, their number, the values of three filters


def test_pitfall_05_one_request_has_one_id_in_all_its_rows_and_in_its_answer(operator: Client) -> None:
    chosen = [rows.tenant(enabled=False) for _ in range(3)]
    data = {"action": "enable", "_selected_action": [row.pk for row in chosen], "post": "yes"}
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


def entry(at: datetime, **facts: str) -> AuditEntry:
    told = {"actor": "ana", "via": "admin", "action": "changed", "kind": "policy", "object_name": "blend"} | facts
    row = AuditEntry.objects.create(**told)
    AuditEntry.objects.filter(pk=row.pk).update(at=at)
    return row


NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def logged(db: None) -> dict[str, AuditEntry]:
    return {
        "before": entry(NOON - timedelta(days=1), request_id="req_1"),
        "noon": entry(NOON, actor="ben", kind="tenant", reason="asked by finance", request_id="req_2"),
        "night": entry(NOON.replace(hour=23, minute=59), via="api", request_id="req_2"),
        "after": entry(NOON + timedelta(days=1), actor="key ops/script"),
    }


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({"at_from_0": "2026-03-10", "at_to_0": "2026-03-10"}, {"noon", "night"}),
        ({"at_from_0": "2026-03-10", "at_from_1": "12:00:01"}, {"night", "after"}),
        ({"at_to_0": "2026-03-10", "at_to_1": "12:00"}, {"before", "noon"}),
        ({"actor__icontains": "ben"}, {"noon"}),
        ({"actor__icontains": "ops/script"}, {"after"}),
        ({"kind": "tenant"}, {"noon"}),
        ({"via": "api", "at_from_0": "2026-03-01"}, {"night"}),
        ({"q": "req_2"}, {"noon", "night"}),
        ({"q": "finance"}, {"noon"}),
    ],
)
def test_pitfall_05_the_log_is_narrowed_and_its_button_leads_to_the_same_rows(
    logged: dict[str, AuditEntry], operator: Client, words: dict[str, str], found: set[str]
) -> None:
    answer = operator.get(LIST, words)
    wanted = {str(logged[name].pk) for name in found}
    assert {str(row.pk) for row in answer.context["cl"].result_list} == wanted
    address = unescape(re.search(rf'href="({re.escape(reverse(CSV))}[^"]*)"', answer.content.decode())[1])
    heads, *lines = lines_at(operator, address)
    assert sorted(line[heads.index("at")] for line in lines) == sorted(
        AuditEntry.objects.get(pk=pk).at.isoformat() for pk in wanted
    )


def test_pitfall_05_a_time_that_cannot_be_read_is_not_read_as_none(
    logged: dict[str, AuditEntry], operator: Client
) -> None:
    page = operator.get(LIST, {"at_from_0": "yesterday"})
    assert page.context["cl"].result_count == 0 and "yesterday 00:00:00 is no time" in page.content.decode()
    assert len(lines_at(operator, reverse(CSV), at_from_0="yesterday")) == 1  # the heads


def test_pitfall_05_the_list_says_why_and_an_entry_leads_to_all_that_its_request_changed(
    logged: dict[str, AuditEntry], operator: Client
) -> None:
    assert "asked by finance" in operator.get(LIST).content.decode()
    page = operator.get(reverse("admin:providers_auditentry_change", args=[logged["noon"].pk])).content.decode()
    assert f'href="{LIST}?q=req_2"' in page


def test_pitfall_05_the_log_with_every_filter_asks_as_often_as_without_one(
    logged: dict[str, AuditEntry], operator: Client
) -> None:
    words = {"at_from_0": "2026-03-01", "actor__icontains": "a", "kind": "policy", "q": "req"}
    for asked in ({}, words):
        operator.get(LIST, asked)
        with CaptureQueriesContext(connection) as seen:
            assert operator.get(LIST, asked).status_code == 200
        assert len(seen) == QUERIES, "\n".join(query["sql"] for query in seen)


@pytest.mark.django_db
def test_pitfall_05_who_may_not_read_the_log_gets_no_file() -> None:
    assert browser_of(staff("vic", "viewer")).get(reverse(CSV)).status_code == 403


@pytest.mark.parametrize("changes", [{}, {"name": ["a", "b"]}])
def test_pitfall_05_an_act_that_changed_no_field_shows_no_empty_table(changes: audit.Changes, operator: Client) -> None:
    audit.record(audit.Actor("ana", "admin", None), "tested", rows.provider(), changes)
    text = operator.get(page("providers_auditentry", "change", AuditEntry.objects.get().pk)).content.decode()
    assert (">Before<" in text) == bool(changes)
