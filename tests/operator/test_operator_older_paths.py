"""The paths of older routers: one address, JSON for a key and the page for a browser."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tenants.models import Tenant
from tests.dashboard.traffic import day, ship
from tests.people import browser_of

PAGES = {
    "/admin/users": "admin:auth_user_changelist",
    "/admin/api-keys": "admin:tenants_clientkey_changelist",
    "/admin/config": "admin:index",
    "/admin/profiles": "admin:profiling_latencyprofile_changelist",
    "/admin/reprofile": "admin:profiling_job_changelist",
    "/admin/vram": "dashboard:local",
    "/dashboard/stats": "dashboard:home",
    "/dashboard/usage": "dashboard:cost",
    "/dashboard/models": "dashboard:models",
}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", PAGES)
def test_a_key_gets_json_and_a_browser_the_page(key, path):
    told = Client().get(path, headers={"authorization": f"Bearer {key}", "accept": "application/json"})
    assert (told.status_code, told["content-type"]) == (200, "application/json")
    shown = browser_of(User.objects.create_superuser("ana")).get(path, follow=True, headers={"accept": "text/html"})
    assert shown.status_code == 200 and shown.redirect_chain[-1][0] == reverse(PAGES[path])
    assert shown["content-type"].startswith("text/html")
    stranger = Client().get(path, headers={"authorization": "Bearer nr-nonsense-nonsense"})
    assert stranger.status_code == 401
    assert Client().get(path).status_code == 401, "who asks for no page gets none"


def test_older_scripts_make_keys_where_they_used_to(key):
    Tenant.objects.create(name="team-a")
    client, body = Client(enforce_csrf_checks=True), json.dumps({"tenant": "team-a", "name": "ci"})
    assert client.post("/admin/api-keys", body, content_type="application/json").status_code == 401
    made = client.post(
        "/admin/api-keys", body, content_type="application/json", headers={"authorization": f"Bearer {key}"}
    )
    assert made.status_code == 201 and made.json()["key"].startswith("nr-")


def test_older_scripts_ask_for_profiles_where_they_used_to(key):
    headers = {"authorization": f"Bearer {key}"}
    asked = Client().post("/admin/reprofile", "{}", content_type="application/json", headers=headers)
    assert asked.status_code == 202
    listed = Client().get("/admin/reprofile/", headers=headers).json()["data"]
    assert [row["id"] for row in listed] == [row["id"] for row in asked.json()["data"]]


def test_the_figures_are_those_of_the_records(key, tmp_path):
    told = day(datetime.now(UTC) - timedelta(minutes=1), 60, hours=20)
    ship(told, tmp_path / "spool")
    headers = {"authorization": f"Bearer {key}"}
    stats = Client().get("/dashboard/stats", headers=headers).json()
    assert stats["totals"]["requests"] == 60 and stats["totals"]["cost_usd"] > 0
    length = datetime.fromisoformat(stats["end"]) - datetime.fromisoformat(stats["start"])
    assert length == timedelta(hours=24), "the same minutes as the dashboard's last 24 hours"
    for name in ("model", "provider", "deployment", "policy", "tenant"):
        usage = Client().get(f"/dashboard/usage?by={name}", headers=headers).json()
        assert sum(row["totals"]["requests"] for row in usage["data"]) == 60, name
    for query in ("hours=0", "hours=x"):
        assert Client().get(f"/dashboard/stats?{query}", headers=headers).json()["error"]["param"] == "hours"
    assert Client().get("/dashboard/usage?by=colour", headers=headers).json()["error"]["param"] == "by"


def test_without_requests_there_is_no_rate(key):
    stats = Client().get("/dashboard/stats", headers={"authorization": f"Bearer {key}"}).json()
    assert (stats["totals"]["requests"], stats["totals"]["success_rate"]) == (0, None)


@pytest.mark.parametrize("path", ["/api/admin/benchmarks", "/admin/benchmarks"])
def test_benchmarks_are_not_offered_and_the_answer_says_what_is(key, path):
    told = Client().get(path, headers={"authorization": f"Bearer {key}"})
    assert (told.status_code, told.json()["error"]["code"]) == (501, "not_offered")
    assert "/api/admin/profiles" in told.json()["error"]["message"]
    assert Client().get(path).status_code == 401
    sync = path.replace("benchmarks", "sync-benchmarks")
    assert Client().post(sync, headers={"authorization": f"Bearer {key}"}).status_code == 501


def test_the_schema_has_every_path_that_is_no_second_name_of_another(key):
    paths = Client().get("/api/schema", {"format": "json"}).json()["paths"]
    named = ("/dashboard/stats", "/dashboard/usage", "/dashboard/models", "/api/admin/sync-benchmarks")
    assert set(named) <= paths.keys() and not [path for path in paths if path.startswith("/admin/")]
