"""Providers, models, deployments and policies through the operator's API."""

import pytest

from providers.models import AuditEntry, Credential, Deployment, Provider, Revision
from routing.models import HealthReset, PolicyVersion

SECRET = "sk-needle-0123456789abcdefWXYZ"
PROVIDER = {"name": "acme", "wire": "openai", "base_url": "https://api.acme.example/v1", "credential": SECRET}
DEPLOYMENT = {"provider": "acme", "model": "one", "context": 8000, "price": {"input": 0.15, "output": 0.6}}
POLICY = {"name": "cheap-first", "kind": "weighted", "weights": {"cost": 1}}
BODIES = {
    "providers": (PROVIDER, {"enabled": False}, {"base_url": "nonsense"}, "base_url"),
    "models": ({"name": "one", "aliases": ["uno"]}, {"quality": 0.5}, {"quality": 2}, "quality"),
    "deployments": (DEPLOYMENT, {"retries": 1}, {"max_output": 9000}, "max_output"),
    "policies": (POLICY, {"weights": {"cost": 2}}, {"weights": {"beauty": 1}}, "weights.beauty"),
}


def prepared(call, path):
    if path == "deployments":
        call.made("providers", PROVIDER)
    return call.made(path, BODIES[path][0])


def number(part):
    return sum(Revision.objects.filter(part=part).values_list("number", flat=True))


@pytest.mark.parametrize("path", BODIES)
def test_a_row_is_made_listed_changed_and_deleted(call, path):
    made = prepared(call, path)
    change = BODIES[path][1]
    assert made["id"] in [row["id"] for row in call("GET", path).json()["data"]]
    one = call("GET", f"{path}/{made['id']}")
    changed = call("PATCH", f"{path}/{made['id']}", change, if_match=one["etag"])
    assert changed.status_code == 200, changed.content
    assert changed.json().items() >= change.items() and changed["etag"] != one["etag"]
    stale = call("PATCH", f"{path}/{made['id']}", change, if_match=one["etag"])
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "version_mismatch")
    assert call("DELETE", f"{path}/{made['id']}").status_code == 204
    assert call("GET", f"{path}/{made['id']}").status_code == 404
    wrote = AuditEntry.objects.filter(object_id=str(made["id"]), via="api", actor="key ops/script")
    assert {"added", "changed", "deleted"} <= set(wrote.values_list("action", flat=True))


@pytest.mark.parametrize("path", BODIES)
def test_a_wrong_field_is_named_and_nothing_is_changed(call, path):
    made = prepared(call, path)
    _, _, bad, param = BODIES[path]
    before, rows = number("catalog"), AuditEntry.objects.count()
    for body, named in ((bad, param), ({"colour": "red"}, "colour"), ({next(iter(bad)): []}, None)):
        answer = call("PATCH", f"{path}/{made['id']}", body)
        error = answer.json()["error"]
        assert answer.status_code == 400 and set(error) == {"message", "type", "param", "code"}, answer.content
        assert named is None or (error["param"] == named and error["message"].startswith(f"{named}: "))
    assert call("PATCH", f"{path}/{made['id']}", "{").status_code == 400
    assert call("PATCH", f"{path}/{made['id']}", "[]").status_code == 400
    assert (number("catalog"), AuditEntry.objects.count()) == (before, rows)


@pytest.mark.parametrize("path", BODIES)
def test_a_second_of_the_same_name_and_a_new_name_are_refused(call, path):
    made = prepared(call, path)
    assert call("POST", path, BODIES[path][0]).status_code == 409
    field = "model" if path == "deployments" else "name"
    renamed = call("PATCH", f"{path}/{made['id']}", {field: "other"})
    assert (renamed.status_code, renamed.json()["error"]["param"]) == (400, field)


def test_a_write_bumps_what_the_workers_watch(call):
    before = number("catalog")
    call.made("providers", PROVIDER)
    assert number("catalog") > before


def test_a_credential_goes_in_and_never_comes_out(call):
    made = call.made("providers", PROVIDER)
    (shown,) = made["credentials"]
    assert shown["masked"] == "...WXYZ" and len(shown["fingerprint"]) == 12 and Credential.objects.count() == 1
    other = call("PATCH", f"providers/{made['id']}", {"credential": [SECRET, "sk-another-0123456789"]}).json()
    assert [each["fingerprint"] for each in other["credentials"]][0] == shown["fingerprint"]
    paths = ["providers", f"providers/{made['id']}", "deployments", "models", "policies"]
    for answer in [call("GET", path) for path in paths]:
        assert answer.status_code == 200 and SECRET.encode() not in answer.content
    assert SECRET not in str(list(AuditEntry.objects.values()))


def test_the_environment_of_the_server_cannot_be_read(call, monkeypatch):
    monkeypatch.setenv("SOME_SECRET", SECRET)
    answer = call("POST", "providers", {**PROVIDER, "credential_env": "SOME_SECRET"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "credential_env")


def test_what_is_entered_here_is_an_operators(call):
    found = Provider.objects.create(name="found", wire="openai", base_url="http://127.0.0.1:1/v1", source="discovered")
    call("PATCH", f"providers/{found.pk}", {"base_url": "https://a.example/v1"})
    call.made("providers", PROVIDER)
    assert set(Provider.objects.values_list("source", flat=True)) == {"admin"}


def test_a_deployment_needs_its_provider_and_makes_its_model(call):
    answer = call("POST", "deployments", DEPLOYMENT)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "provider")
    made = prepared(call, "deployments")
    assert made["name"] == "acme/one" and made["price"] == {"input": 0.15, "output": 0.6}
    assert made["timeouts"]["connect"] is None
    repriced = call("PATCH", f"deployments/{made['id']}", {"price": {"input": 1, "output": 2}})
    assert repriced.json()["price"] == {"input": 1, "output": 2}


def test_a_deployment_is_drained_and_its_health_forgotten(call):
    made = prepared(call, "deployments")
    assert call("POST", f"deployments/{made['id']}/drain", {"reason": "moving"}).json()["enabled"] is False
    assert not Deployment.objects.get().enabled
    assert AuditEntry.objects.get(action="drained").reason == "moving"
    assert call("POST", f"deployments/{made['id']}/reset-health").status_code == 200
    assert HealthReset.objects.get().scope == "acme/one"
    assert AuditEntry.objects.filter(action="reset health", via="api").exists()
    assert call("POST", f"deployments/{made['id']}/open-breaker", {"reason": "wrong answers"}).status_code == 200
    assert HealthReset.objects.get(opens=True).scope == "acme/one"
    assert AuditEntry.objects.get(action="opened breaker").reason == "wrong answers"
    assert call("POST", f"deployments/{made['id']}/drain", {"why": "x"}).json()["error"]["param"] == "why"


def test_a_list_is_filtered_ordered_and_bounded(call):
    for name in ("a", "b", "c"):
        call.made("models", {"name": name})
    first = call("GET", "models?limit=2&ordering=-name").json()
    assert [row["name"] for row in first["data"]] == ["c", "b"] and first["total"] == 3
    rest = call.client.get(first["next"], headers={"authorization": f"Bearer {call.key}"}).json()
    assert [row["name"] for row in rest["data"]] == ["a"] and rest["next"] is None
    assert [row["name"] for row in call("GET", "models?name=b").json()["data"]] == ["b"]
    for query in ("limit=0", "limit=201", "limit=x", "offset=-1", "ordering=colour", "colour=red"):
        answer = call("GET", f"models?{query}")
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.split("=")[0])
    assert call("GET", "providers?enabled=perhaps").json()["error"]["param"] == "enabled"


def test_a_write_under_an_idempotency_key_happens_once(call):
    first, again = (call("POST", "models", {"name": "once"}, idempotency_key="k1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201) and first.content == again.content
    assert "idempotent-replayed" not in first.headers and again["idempotent-replayed"] == "true"
    assert call("POST", "models", {"name": "twice"}, idempotency_key="k1").status_code == 422
    assert call("POST", "policies", POLICY, idempotency_key="k1").status_code == 201
    assert AuditEntry.objects.filter(object_name="once").count() == 1


def test_every_write_may_say_why(call):
    made = call.made("policies", {"name": "fast", "kind": "weighted", "weights": {"latency": 1}, "reason": "a trial"})
    changed = call("PATCH", f"policies/{made['id']}", {"weights": {"latency": 1, "cost": 1}, "reason": "it cost much"})
    assert changed.status_code == 200 and "reason" not in changed.json()
    versions = PolicyVersion.objects.filter(name="fast").values_list("number", "reason")
    assert list(versions) == [(2, "it cost much"), (1, "a trial")]
    assert call("DELETE", f"policies/{made['id']}?reason=not+worth+it").status_code == 204
    assert list(AuditEntry.objects.values_list("action", "reason")) == [
        ("deleted", "not worth it"), ("changed", "it cost much"), ("added", "a trial"),
    ]  # fmt: skip


@pytest.mark.parametrize("reason", ["x" * 501, 7, None])
def test_a_reason_is_a_short_text(call, reason):
    answer = call("POST", "policies", {"name": "fast", "kind": "weighted", "weights": {"latency": 1}, "reason": reason})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "reason")
    assert not AuditEntry.objects.exists()
