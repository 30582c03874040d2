"""Pitfall 8: an act on all rows goes in chunks under one request id, says how far it came, and goes on if repeated."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule

from neuroroute.roles import EVERYBODYS
from profiling.models import Job
from profiling.runner import run_due
from providers import bulk
from providers.models import AuditEntry
from providers.revisions import CATALOG, TENANTS, numbers
from routing.models import HealthReset
from tenants.models import ClientKey, Tenant
from tests.admin import rows
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
SOME, MANY = 2 * bulk.CHUNK + 50, 101


def tenants(number: int, **values: Any) -> None:
    Tenant.objects.bulk_create(Tenant(name=f"t-{n:05}", **{"enabled": False} | values) for n in range(number))


def on_all(client: Client, action: str, kind: str = "tenants_tenant", **more: str) -> HttpResponse:
    """Do an action to every row of a list, as its "select all" does."""
    data = {"action": action, "select_across": "1", "_selected_action": "1", "index": "0"} | more
    return client.post(reverse(f"admin:{kind}_changelist"), data)


def said(answer: HttpResponse) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def failing_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The database goes away when the so-manyth tenant is written, once."""
    plain, count = Tenant.save, iter(range(1, 10**6))

    def save(self: Tenant, **how: Any) -> None:
        if next(count) == number:
            raise OperationalError("gone")
        plain(self, **how)

    monkeypatch.setattr(Tenant, "save", save)


def test_pitfall_08_all_rows_are_done_in_chunks_under_one_request_id(operator: Client) -> None:
    tenants(SOME)
    before = numbers().get(TENANTS, 0)
    with CaptureQueriesContext(connection) as seen:
        answer = on_all(operator, "enable", post="yes")
    assert f"{SOME} enabled; 0 were enabled before" in said(answer)
    writes = [query["sql"].split()[0] for query in seen if "audit" in query["sql"] or "SAVEPOINT" in query["sql"]]
    chunks = " ".join(writes).split("RELEASE")
    assert [part.count("INSERT") for part in chunks if "INSERT" in part] == [bulk.CHUNK, bulk.CHUNK, 50]
    assert set(AuditEntry.objects.values_list("request_id", flat=True)) == {answer["x-request-id"]}
    assert AuditEntry.objects.count() == SOME and not Tenant.objects.filter(enabled=False).exists()
    assert numbers()[TENANTS] - before == 3, "a chunk is live when it is committed, not a row"


def test_pitfall_08_what_is_interrupted_says_how_far_it_came_and_goes_on(operator: Client, monkeypatch) -> None:
    tenants(SOME)
    failing_at(monkeypatch, bulk.CHUNK + 30)
    answer = on_all(operator, "enable", post="yes")
    told = f"Stopped after 200 of {SOME} rows (OperationalError): 200 were changed and stay so"
    assert answer.status_code == 302 and told in said(answer)
    assert Tenant.objects.filter(enabled=True).count() == AuditEntry.objects.count() == bulk.CHUNK
    assert f"{SOME - 200} enabled; 200 were enabled before" in said(on_all(operator, "enable", post="yes"))
    assert AuditEntry.objects.count() == SOME


def test_pitfall_08_the_question_counts_all_and_reads_a_few(operator: Client) -> None:
    tenants(SOME, enabled=True)
    text = on_all(operator, "disable").content.decode()
    assert f"Disable {SOME} tenants" in text and f"and {SOME - 20} more" in text and "t-00019" in text
    assert "t-00020" not in text and not Tenant.objects.filter(enabled=False).exists()


def test_pitfall_08_more_than_a_request_should_do_is_a_job_with_progress(operator: Client, monkeypatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", MANY - 1)
    monkeypatch.setattr(bulk, "CHUNK", 20)
    tenants(MANY)
    answer = on_all(operator, "enable", post="yes")
    job = Job.objects.get(kind="bulk_act")
    page = reverse("admin:profiling_job_change", args=[job.pk])
    assert f"{MANY} rows are too many for one request" in said(answer) and f'href="{page}"' in said(answer)
    assert not Tenant.objects.filter(enabled=True).exists() and len(job.order["rows"]) == MANY
    failing_at(monkeypatch, 41)
    run_due()
    job.refresh_from_db()
    assert (job.state, round(job.progress, 2)) == ("queued", 0.4) and f"Stopped after 40 of {MANY}" in job.message
    assert Tenant.objects.filter(enabled=True).count() == 40
    Job.objects.update(due_at=timezone.now())
    run_due()
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"changed": MANY - 40, "as_before_or_gone": 40})
    entries = AuditEntry.objects.filter(kind="tenant")
    assert entries.count() == MANY and not Tenant.objects.filter(enabled=False).exists()
    told = set(entries.values_list("actor", "via", "address", "request_id"))
    assert told == {("ana", "admin", "127.0.0.1", answer["x-request-id"])}
    shown = operator.get(page).content.decode()
    assert f"&quot;rows&quot;: &quot;{MANY}&quot;" in shown and json.dumps(job.order["rows"][:3]) not in shown


def test_pitfall_08_an_act_with_a_reason_and_an_instant_is_the_same_by_a_job(monkeypatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    opal = browser_of(staff("opal", EVERYBODYS, "operator"))
    keys = [rows.client_key(tenant=rows.tenant()) for _ in range(3)]
    answer = on_all(opal, "revoke_selected", "tenants_clientkey", post="yes", reason="leaked")
    assert "the job" in said(answer) and ClientKey.objects.filter(revoked_at=None).count() == 3
    run_due()
    assert Job.objects.get(kind="bulk_act").state == "done"
    assert {key.revoked_at is not None for key in ClientKey.objects.filter(pk__in=[k.pk for k in keys])} == {True}
    assert set(AuditEntry.objects.filter(kind="client key").values_list("reason", flat=True)) == {"leaked"}


def test_pitfall_08_other_deeds_go_the_same_way(operator: Client, monkeypatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    monkeypatch.setattr(bulk, "CHUNK", 2)
    for _ in range(3):
        rows.deployment()
    before = numbers().get(CATALOG, 0)
    assert "the job" in said(on_all(operator, "reset_health", "providers_deployment", post="yes"))
    run_due()
    assert HealthReset.objects.count() == AuditEntry.objects.filter(action="reset health").count() == 3
    assert numbers().get(CATALOG, 0) == before, "forgetting health changes no configuration"
    made = [rows.crontab().pk for _ in range(3)]
    on_all(operator, "delete_selected", "django_celery_beat_crontabschedule", post="yes")
    assert not CrontabSchedule.objects.filter(pk__in=made).exists(), "a page says that they are gone: now, by no job"
    assert AuditEntry.objects.filter(action="deleted").count() >= 3


def test_pitfall_08_there_is_a_limit_and_it_is_told(operator: Client, monkeypatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 3)
    tenants(4)
    assert "an act may have 3 rows at most. Filter the list first" in said(on_all(operator, "enable", post="yes"))
    assert not Tenant.objects.filter(enabled=True).exists() and not AuditEntry.objects.exists()


def test_pitfall_08_who_may_not_see_jobs_is_told_without_a_link(monkeypatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    person = staff("pat", EVERYBODYS)
    person.user_permissions.set(Permission.objects.filter(codename__endswith="_policy"))
    for _ in range(2):
        rows.policy(enabled=False)
    told = said(on_all(browser_of(person), "enable", "routing_policy", post="yes"))
    assert "the job bulk_act" in told and "<a" not in told
