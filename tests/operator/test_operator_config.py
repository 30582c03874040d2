"""The whole configuration through the operator's API: exported, compared, applied."""

import yaml

from providers.models import AuditEntry, LanguageModel, Provider
from tenants.models import ClientKey

SECRET = "sk-needle-0123456789abcdefWXYZ"
FILE = f"""
providers:
  - name: acme
    wire: openai
    base_url: https://api.acme.example/v1
    credential: {SECRET}
    deployments: [{{model: one}}]
tenants:
  - {{name: team-a, keys: [{{name: ci}}]}}
"""


def test_a_document_is_compared_then_applied_then_exported(call):
    dry = call("PUT", "config?dry_run=1", FILE)
    assert dry.status_code == 200, dry.content
    assert dry.json()["dry_run"] and dry.json()["keys"] == [] and not Provider.objects.exists()
    done = call("PUT", "config?reason=the+first+one", FILE).json()
    assert done["changes"] == dry.json()["changes"] != [] and LanguageModel.objects.get().name == "one"
    ((name, plain),) = [(each["name"], each["key"]) for each in done["keys"]]
    assert name == "team-a/ci" and ClientKey.objects.filter(prefix=plain[:11]).exists()
    assert AuditEntry.objects.filter(
        via="api", actor="key ops/script", kind="provider", reason="the first one"
    ).exists()
    assert call("PUT", "config", FILE).json()["changes"] == []
    text, told = call("GET", "config"), call("GET", "config", accept="application/json")
    assert yaml.safe_load(text.content) == told.json() and text["content-type"] == "application/yaml"
    assert SECRET.encode() not in text.content and plain.encode() not in text.content
    assert call("PUT", "config", text.content).json()["changes"] == []


def test_of_two_who_apply_the_second_must_read_again(call):
    version = call("GET", "config")["etag"]
    assert call("PUT", "config", "models: [{name: one}]", if_match=version).status_code == 200
    assert call("PUT", "config", "models: [{name: two}]", if_match=version).status_code == 412
    assert not LanguageModel.objects.filter(name="two").exists()


def test_a_wrong_line_is_named_and_nothing_is_applied(call, monkeypatch):
    monkeypatch.setenv("SOME_SECRET", SECRET)
    provider = "{name: acme, wire: openai, base_url: 'https://a.example', credential_env: SOME_SECRET}"
    for text, param in (
        ("models:\n  - {name: one}\n  - {nam: two}", "models[1].nam"),
        (f"providers:\n  - {provider}", "providers[0].credential_env"),
        ("tenants: [{name: a, keys: [{name: k, value_env: SOME_SECRET}]}]", "tenants[0].keys[0].value_env"),
        ("models: [{name: one}, {name: auto}]", "models[1].name"),
    ):
        answer = call("PUT", "config", text)
        error = answer.json()["error"]
        assert (answer.status_code, error["param"]) == (400, param), error
        assert error["message"].startswith("line ")
    assert call("PUT", "config", "models: [").status_code == 400
    assert call("PUT", f"config?reason={'x' * 501}", "{}").json()["error"]["param"] == "reason"
    assert call("PUT", "config?dry_run=perhaps", "{}").json()["error"]["param"] == "dry_run"
    assert not LanguageModel.objects.exists() and not Provider.objects.exists()


def test_keys_that_are_made_are_told_again_to_who_sends_the_same(call):
    first, again = (call("PUT", "config", FILE, idempotency_key="k") for _ in range(2))
    assert first.content == again.content and again["idempotent-replayed"] == "true"
    other = call("PUT", "config?dry_run=1", FILE, idempotency_key="k")
    assert "idempotent-replayed" not in other.headers
