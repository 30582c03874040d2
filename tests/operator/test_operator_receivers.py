"""Receivers over the operator's API: by the rules of the file, in the sight of who asks, secrets in and never out."""

import pytest

from profiling.models import Job
from profiling.runner import run_due
from providers.models import AuditEntry
from tenants.alertrows import AlertDelivery, AlertReceiver
from tenants.delivering import hook_of, new_test
from tenants.mailing import NO_SERVER
from tenants.models import Tenant
from tenants.webhooks import Hook
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

URL, KEY = "https://hooks.example.com/T0/s3cr3t-path", "a-signing-key-of-ours"
HOOK = {"name": "ops", "url": URL, "key": KEY, "findings": "failing"}
MAIL = {"tenant": "team-a", "name": "finance", "email": "finance@example.com"}


@pytest.fixture
def team(db: None) -> Tenant:
    return Tenant.objects.create(name="team-a")


def test_a_webhook_is_made_changed_and_deleted_and_its_secrets_stay_inside(call, team):
    answer = call("POST", "receivers", HOOK | {"reason": "the new channel"})
    row = answer.json()
    assert answer.status_code == 201 and row["tenant"] is None and row["last_message"] is None
    assert (row["kind"], row["address"]) == ("webhook", "https://hooks.example.com/…")
    said = answer.content + call("GET", "receivers").content + call("GET", "config").content
    assert b"s3cr3t" not in said and KEY.encode() not in said
    changed = call("PATCH", f"receivers/{row['id']}", {"key": "another-key", "enabled": False})
    assert changed.status_code == 200 and not changed.json()["enabled"]
    assert hook_of(AlertReceiver.objects.get()) == Hook(URL, "another-key")
    assert call("POST", "receivers", HOOK).status_code == 409
    reasons = AuditEntry.objects.filter(kind="alert receiver", action="added").values_list("reason", flat=True)
    assert list(reasons) == ["the new channel"]
    assert call("DELETE", f"receivers/{row['id']}?reason=gone").status_code == 204
    assert not AlertReceiver.objects.exists()


def test_the_last_message_is_told_and_is_no_part_of_the_version(call, team):
    row = call.made("receivers", MAIL)
    version = call("GET", f"receivers/{row['id']}")["etag"]
    one = new_test(AlertReceiver.objects.get(), AlertReceiver.objects.get().created_at)
    AlertDelivery.objects.filter(pk=one.pk).update(state="failed", tries=1, problem="SMTP 550: nobody")
    read = call("GET", f"receivers/{row['id']}")
    told = read.json()["last_message"]
    assert (told["event"], told["state"], told["answer"]) == ("test", "failed", "SMTP 550: nobody")
    assert read["etag"] == version


@pytest.mark.parametrize(
    ("body", "param"),
    [({"name": "a"}, "email"), ({"name": "a", "url": "http://10.0.0.1/x", "key": KEY}, "url"),
     ({"name": "a", "url_env": "HOME"}, "url_env"), ({"name": "a", "email": "x"}, "email"),
     ({"name": "a", "email": "a@example.com", "tenant": "nobody"}, "tenant"),
     ({"name": "a", "email": "a@example.com", "findings": "much"}, "findings")],
)  # fmt: skip
def test_what_is_wrong_is_named(call, team, body, param):
    answer = call("POST", "receivers", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert not AlertReceiver.objects.exists()


def test_a_test_is_queued_at_once_and_asked_for_where_the_answer_says(call, team, settings):
    settings.EMAIL_HOST = ""
    made = call.made("receivers", MAIL)
    answer = call("POST", f"receivers/{made['id']}/test", {"reason": "another mail server"})
    assert answer.status_code == 202 and answer.json()["last_message"]["state"] == "waiting"
    assert Job.objects.filter(kind="alert_test", state="queued").count() == 1
    run_due()
    told = call("GET", answer["location"].removeprefix("/api/admin/")).json()["last_message"]
    assert (told["event"], told["state"], told["answer"]) == ("test", "failed", NO_SERVER)
    assert AuditEntry.objects.get(action="tested").reason == "another mail server"


def test_the_environment_is_refused_in_a_configuration(call, team):
    answer = call("PUT", "config", "receivers: [{name: a, url_env: HOME, key: k}]")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "receivers[0].url_env")


def test_who_sees_some_tenants_has_their_receivers_and_no_others(call, team):
    other = Tenant.objects.create(name="other")
    rows = {name: call.made("receivers", MAIL | {"tenant": name}) for name in ("team-a", "other")}
    everybody = call.made("receivers", HOOK)
    member = Caller("", browser_of(staff("fin", "finance", tenants=(team,))))
    assert [each["tenant"] for each in member("GET", "receivers").json()["data"]] == ["team-a"]
    for hidden in (rows["other"], everybody):
        assert member("GET", f"receivers/{hidden['id']}").status_code == 404
        assert member("PATCH", f"receivers/{hidden['id']}", {"enabled": False}).status_code == 404
        assert member("POST", f"receivers/{hidden['id']}/test").status_code == 404
    for name in ("b", MAIL["name"]):
        assert member("POST", "receivers", MAIL | {"name": name, "tenant": other.name}).status_code == 400
    assert member("POST", "receivers", HOOK).status_code == 403
    assert member("POST", "receivers", MAIL | {"name": "b"}).status_code == 201
    viewer = Caller("", browser_of(staff("vic", "viewer", tenants=(team,))))
    assert viewer("GET", "receivers").status_code == 403
