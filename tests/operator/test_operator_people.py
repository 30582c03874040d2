"""Tenants, client keys, people and the audit log through the operator's API."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from providers.models import AuditEntry
from tenants import keys
from tenants.models import Budget, ClientKey, Membership, Tenant
from tests.admin import rows
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

OWN = "own-needle-0123456789-abcdef"
PASSWORD = "needle-Horse-4711"


def error_of(answer, status):
    assert answer.status_code == status, answer.content
    return answer.json()["error"]


def test_a_tenant_is_made_changed_and_kept_while_its_keys_live(call):
    made = call.made("tenants", {"name": "team-a", "limits": {"requests_per_minute": 6}, "budgets": [BUDGET]})
    assert made["limits"]["requests_per_minute"] == 6 and made["budgets"] == [BUDGET] and made["keys"] == 0
    changed = call("PATCH", f"tenants/{made['id']}", {"limits": {"requests_per_minute": None}, "explain": True}).json()
    assert changed["limits"]["requests_per_minute"] is None and changed["explain"] and Budget.objects.count() == 1
    for body, param in (({"default_policy": "nope"}, "default_policy"), ({"time_zone": "Mars"}, "time_zone")):
        assert error_of(call("PATCH", f"tenants/{made['id']}", body), 400)["param"] == param
    bad = {"budgets": [{"period": "day"}]}
    assert error_of(call("PATCH", f"tenants/{made['id']}", bad), 400)["param"] == "budgets[0]"
    key = call.made("api-keys", {"tenant": "team-a", "name": "ci"})
    assert "in use" in error_of(call("DELETE", f"tenants/{made['id']}"), 409)["message"]
    call("POST", f"api-keys/{key['id']}/revoke")
    assert call("DELETE", f"tenants/{made['id']}").status_code == 204
    assert {"added", "changed", "deleted"} <= set(AuditEntry.objects.values_list("action", flat=True))


BUDGET = {"usd": 25, "period": "month"}


def test_a_key_is_shown_once(call):
    Tenant.objects.create(name="team-a")
    made = call.made("api-keys", {"tenant": "team-a", "name": "ci", "limits": {"tokens_per_minute": 9}})
    plain = made["key"]
    assert ClientKey.objects.get(name="ci").digest == keys.digest(plain) and made["limits"]["tokens_per_minute"] == 9
    assert made["masked"] == f"{plain[:11]}..." and made["last_used_at"] is None and made["state"] == "active"
    for path in ("api-keys", f"api-keys/{made['id']}", "audit-log", "config", "tenants"):
        answer = call("GET", path)
        assert answer.status_code == 200 and plain[12:].encode() not in answer.content, path
    rows.record(ClientKey.objects.get(name="ci"))
    assert call("GET", f"api-keys/{made['id']}").json()["last_used_at"] is not None
    assert error_of(call("DELETE", f"api-keys/{made['id']}"), 409)
    assert error_of(call("POST", "api-keys", {"tenant": "nobody", "name": "x"}), 400)["param"] == "tenant"
    assert error_of(call("POST", "api-keys", {"tenant": "team-a", "name": "x", "value": "short"}), 400)["param"]
    brought = call("POST", "api-keys", {"tenant": "team-a", "name": "own", "value": OWN})
    assert brought.status_code == 201 and OWN.encode() not in brought.content
    assert OWN not in str(list(AuditEntry.objects.values()))


def test_a_scope_is_told_set_checked_and_kept_by_a_rotation(call):
    Tenant.objects.create(name="team-a")
    allow = {"models": ["gpt-*"], "policies": [], "routes": ["chat"]}
    made = call.made("api-keys", {"tenant": "team-a", "name": "ci", "allow": allow})
    assert made["allow"] == allow and not made["warnings"]
    path = f"api-keys/{made['id']}"
    for body, param in (
        ({"routes": ["chat", "telepathy"]}, "allow.routes[1]"),
        ({"policies": ["nope"]}, "allow.policies[0]"),
        ({"rotues": []}, "allow.rotues"),
    ):
        assert error_of(call("PATCH", path, {"allow": body}), 400)["param"] == param
    changed = call("PATCH", path, {"allow": {"models": ["gpt-9"]}}).json()
    assert changed["allow"] == {"models": ["gpt-9"], "policies": [], "routes": ["chat"]}
    assert "allow.models[0]: no model is called gpt-9 now" in changed["warnings"][0]
    assert AuditEntry.objects.latest("pk").changes == {"allow_models": [["gpt-*"], ["gpt-9"]]}
    assert call.made(f"{path}/rotate", {"overlap_hours": 0})["allow"] == changed["allow"]


def test_a_key_is_rotated_with_an_overlap_and_revoked(call):
    Tenant.objects.create(name="team-a")
    old = call.made("api-keys", {"tenant": "team-a", "name": "ci"})
    new = call.made(f"api-keys/{old['id']}/rotate", {"overlap_hours": 2, "reason": "yearly"})
    assert new["name"] == "ci" and new["key"] != old["key"]
    left = ClientKey.objects.get(pk=old["id"]).expires_at - timezone.now()
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)
    assert set(AuditEntry.objects.filter(reason="yearly").values_list("action", flat=True)) == {"rotated", "added"}
    assert error_of(call("POST", f"api-keys/{new['id']}/rotate", {"overlap_hours": 169}), 400)["param"]
    revoked = call("POST", f"api-keys/{new['id']}/revoke", {"reason": "leaked"})
    assert revoked.json()["state"] == "revoked" and "key" not in revoked.json()
    assert error_of(call("POST", f"api-keys/{new['id']}/rotate"), 409)
    assert error_of(call("PATCH", f"api-keys/{new['id']}", {"operator": True}), 409)
    assert [row["id"] for row in call("GET", "api-keys?revoked=true").json()["data"]] == [new["id"]]
    assert call("DELETE", f"api-keys/{new['id']}").status_code == 204


def test_a_key_is_given_to_a_member_of_its_tenant_who_finds_it_under_my_usage(call):
    tenant, other = (Tenant.objects.create(name=name) for name in ("team-a", "team-b"))
    ana, ben, cem = (staff(name, "operator", tenants=(tenant,)) for name in ("ana", "ben", "cem"))
    User.objects.filter(pk__in=(ben.pk, cem.pk)).update(email="both@example.com")
    User.objects.filter(pk=ana.pk).update(email="Ana@example.com")
    stranger = staff("eve", tenants=(other,))
    made = call.made("api-keys", {"tenant": "team-a", "name": "ci", "owner": "ana@example.com"})
    assert made["owner"] == "ana" and call("GET", f"api-keys/{made['id']}").json()["owner"] == "ana"
    page = browser_of(ana).get("/dashboard/usage/").content.decode()
    assert f"/dashboard/usage/keys/{made['id']}/rotate/" in page
    assert [row["name"] for row in call("GET", "api-keys?owner=ana").json()["data"]] == ["ci"]
    for wrong in (stranger.username, "nobody", "", 7):
        assert error_of(call("PATCH", f"api-keys/{made['id']}", {"owner": wrong}), 400)["param"] == "owner", wrong
    assert (
        "name one of ben, cem"
        in error_of(call("POST", "api-keys", {"tenant": "team-a", "name": "x", "owner": "both@example.com"}), 400)[
            "message"
        ]
    )
    assert call("PATCH", f"api-keys/{made['id']}", {"limits": {"requests_per_day": 5}}).json()["owner"] == "ana"
    assert call("PATCH", f"api-keys/{made['id']}", {"owner": "ben"}).json()["owner"] == "ben"
    assert call.made(f"api-keys/{made['id']}/rotate", {})["owner"] == "ben"
    assert call("PATCH", f"api-keys/{made['id']}", {"owner": None}).status_code == 200
    told = AuditEntry.objects.filter(kind="client key").order_by("id").values_list("changes", flat=True)
    assert [each["owner"] for each in told if "owner" in each][:2] == [[None, "ana"], ["ana", "ben"]]


def test_a_member_sees_and_makes_keys_of_its_tenants_alone(call):
    ours, theirs = (Tenant.objects.create(name=name) for name in ("ours", "theirs"))
    foreign = rows.client_key(tenant=theirs)
    person = staff("lim", tenants=(ours,))
    person.user_permissions.set(Permission.objects.exclude(codename="see_every_tenant"))
    caller = Caller("", browser_of(person))
    assert [row["name"] for row in caller("GET", "tenants").json()["data"]] == ["ours"]
    assert error_of(caller("GET", f"api-keys/{foreign.pk}"), 404) and error_of(
        caller("GET", f"tenants/{theirs.pk}"), 404
    )
    assert error_of(caller("POST", f"api-keys/{foreign.pk}/revoke"), 404)
    assert error_of(caller("POST", "api-keys", {"tenant": "theirs", "name": "x"}), 400)["param"] == "tenant"
    assert error_of(caller("POST", "api-keys", {"tenant": "ours", "name": "x", "operator": True}), 403)
    assert caller("POST", "api-keys", {"tenant": "ours", "name": "x"}).status_code == 201
    for method, path in (("POST", "tenants"), ("GET", "audit-log"), ("GET", "config"), ("PUT", "config")):
        assert error_of(caller(method, path, {"name": "new"} if method == "POST" else None), 403)


def test_a_person_is_made_with_a_role_and_tenants(call):
    Tenant.objects.create(name="team-a")
    body = {"username": "ana", "is_staff": True, "groups": ["viewer"], "tenants": ["team-a"], "password": PASSWORD}
    made = call("POST", "users", body)
    assert made.status_code == 201 and PASSWORD.encode() not in made.content, made.content
    ana = User.objects.get(username="ana")
    assert ana.check_password(PASSWORD) and Membership.objects.filter(user=ana).count() == 1
    changed = call("PATCH", f"users/{ana.pk}", {"groups": [], "tenants": [], "email": "ana@example.com"}).json()
    assert (changed["groups"], changed["tenants"], changed["email"]) == ([], [], "ana@example.com")
    kinds = set(AuditEntry.objects.values_list("action", "kind"))
    assert {("added", "user"), ("changed", "user"), ("added", "membership"), ("deleted", "membership")} <= kinds
    assert PASSWORD not in str(list(AuditEntry.objects.values())) and ana.password not in str(
        list(AuditEntry.objects.values())
    )
    assert ana.password.encode() not in call("GET", "users").content + call("GET", "audit-log").content
    for bad, param in (
        ({"password": "1234"}, "password"),
        ({"groups": ["nobody"]}, "groups[0]"),
        ({"email": "nonsense"}, "email"),
        ({"is_superuser": True}, "is_superuser"),
        ({"username": "bea"}, "username"),
    ):
        assert error_of(call("PATCH", f"users/{ana.pk}", bad), 400)["param"] == param
    assert call("DELETE", f"users/{ana.pk}").status_code == 204


def test_a_key_has_no_power_over_those_who_have_power_over_people(call):
    root, owner = User.objects.create_superuser("root"), staff("own", "owner")
    for person in (root, owner):
        assert error_of(call("PATCH", f"users/{person.pk}", {"password": PASSWORD}), 403)
        assert error_of(call("DELETE", f"users/{person.pk}"), 403)
    assert error_of(call("POST", "users", {"username": "eve", "groups": ["owner"]}), 403)["param"] == "groups"
    assert not User.objects.filter(username="eve").exists()
    chief = Caller("", browser_of(root))
    assert chief("POST", "users", {"username": "eve", "groups": ["owner"]}).status_code == 201
    assert error_of(chief("DELETE", f"users/{root.pk}"), 409)
    helper = staff("helper")
    helper.user_permissions.set(Permission.objects.filter(codename__in=["add_user", "view_user"]))
    assert error_of(Caller("", browser_of(helper))("POST", "users", {"username": "x", "groups": ["owner"]}), 403)
    assert Group.objects.get(name="owner").user_set.count() == 2


def test_the_audit_log_is_read_by_pages_that_stay(call):
    for name in ("a", "b", "c"):
        call.made("models", {"name": name})
    first = call("GET", "audit-log?limit=2&kind=model").json()
    assert [row["object_name"] for row in first["data"]] == ["c", "b"]
    call.made("models", {"name": "d"})
    rest = call.client.get(first["next"], headers={"authorization": f"Bearer {call.key}"}).json()
    assert [row["object_name"] for row in rest["data"]] == ["a"] and rest["next"] is None
    entry = rest["data"][0]
    assert (entry["actor"], entry["via"], entry["address"]) == ("key ops/script", "api", "127.0.0.1")
    assert call("GET", f"audit-log/{entry['id']}").json() == entry
    assert call("GET", "audit-log?since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00Z").json()["data"] == []
    for query in ("since=yesterday", "before=x", "before=0", "limit=1000", "colour=red"):
        assert error_of(call("GET", f"audit-log?{query}"), 400)["param"] == query.split("=")[0]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert call(method, f"audit-log/{entry['id']}").status_code == 405


@pytest.mark.parametrize("path", ["tenants", "api-keys", "users", "audit-log", "config"])
def test_without_the_right_nothing_is_told(path, db):
    assert Caller("")("GET", path).status_code == 401
    assert Caller("", browser_of(staff("vic")))("GET", path).status_code == 403


def test_everything_that_is_wrong_is_told_at_once_in_words(call):
    answer = call("POST", "api-keys", {"tenant": "nope", "name": "", "limits": {"requests_per_minute": -1}})
    message = error_of(answer, 400)["message"]
    assert answer.json()["error"]["param"] == "name" and len(message.splitlines()) == 3
    assert "name: must be a text, 1 to 64 characters; not ''" in message
    assert "limits.requests_per_minute: must be a whole number from 0" in message
    assert "tenant: there is no tenant 'nope' that you see; make it first, at /api/admin/tenants" in message
    told = error_of(call("POST", "tenants", {"name": "t c"}), 400)["message"]
    assert told == "name: must be letters, digits, dashes and _, at most 64 characters, e.g. team-a; not 't c'"
    secret = error_of(call("POST", "users", {"username": "ana", "password": 47110815}), 400)["message"]
    assert secret.startswith("password: must be a text") and "47110815" not in secret


@pytest.mark.parametrize("path", ["api-keys", "budgets", "receivers"])
def test_who_makes_something_of_a_tenant_out_of_sight_learns_nothing_of_it(path, call):
    ours, theirs = (Tenant.objects.create(name=name) for name in ("ours", "theirs"))
    key = rows.client_key(tenant=theirs, name="taken")
    rows.budget(tenant=theirs, period="day")
    rows.receiver(tenant=theirs, name="taken")
    person = staff("lim", tenants=(ours,))
    person.user_permissions.set(Permission.objects.exclude(codename="see_every_tenant"))
    more = {"api-keys": {}, "budgets": {"usd": 5, "period": "day"}, "receivers": {"email": "a@example.com"}}[path]
    told = set()
    for tenant, name in (("theirs", "taken"), ("theirs", "free"), ("nobodys", "taken")):
        body = {"tenant": tenant, **more} | ({} if path == "budgets" else {"name": name})
        answer = Caller("", browser_of(person))("POST", path, body)
        told.add((answer.status_code, error_of(answer, 400)["message"].replace(tenant, "TENANT")))
    assert len(told) == 1 and key.tenant.keys.count() == 1


def test_a_value_that_is_a_key_of_a_tenant_out_of_sight_names_nobody(call):
    ours, theirs = (Tenant.objects.create(name=name) for name in ("ours", "theirs"))
    keys.issue(theirs, "secretive", value=OWN)
    person = staff("lim", tenants=(ours,))
    person.user_permissions.set(Permission.objects.exclude(codename="see_every_tenant"))
    body = {"tenant": "ours", "name": "x", "value": OWN}
    told = error_of(Caller("", browser_of(person))("POST", "api-keys", body), 400)
    assert told["param"] == "value" and "theirs" not in told["message"] and "secretive" not in told["message"]
    assert "theirs/secretive" in error_of(call("POST", "api-keys", body), 400)["message"]
