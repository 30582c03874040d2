"""A file is applied once it is there; applied twice nothing moves; an export applies without a change."""

import os
import pwd
import socket

import pytest
import yaml
from django.conf import settings

from providers.catalog import load_catalog
from providers.models import AuditEntry, Deployment, LanguageModel, Provider
from providers.revisions import CATALOG, POLICIES, TENANTS, numbers
from routing.models import Policy
from routing.policybook import load_policies
from tenants.callers import WHOLE as NOTHING_TAKEN
from tenants.callers import Scope
from tenants.keyring import authenticate, load_keyring
from tenants.models import ClientKey, Tenant
from tests.configfile.files import SECRET, WHOLE, deployment, exported, keys_in, provider, rows

pytestmark = pytest.mark.django_db


def test_the_whole_file_becomes_what_workers_read(run):
    built_in = {"kind": "weighted", "weights": {"cost": 30, "latency": 40, "uptime": 30}}
    Policy.objects.get_or_create(name="balanced", defaults=built_in)  # a test that flushes may have run before
    output = run(WHOLE)
    (target,) = load_catalog().by_model["bench-latest"]
    assert (target.name, target.upstream_model, target.wire) == ("bench/bench", "bench-v1", "openai")
    assert (target.base_url, target.headers) == ("http://127.0.0.1:9001/v1", (("X-Title", "NeuroRoute"),))
    assert [secret.value for secret in target.secrets] == [SECRET]
    assert (target.context, target.retries, target.quality) == (128000, 1, 0.7)
    assert target.capabilities == {"tools", "vision", "json_schema"}
    assert (target.price.input, target.price.output, target.price.cached_input) == (150_000, 600_000, 75_000)
    assert (target.timeouts.connect_s, target.timeouts.total_s) == (2, 300)
    assert (target.data_policy, target.quantization, target.unsupported) == ("retains", "fp8", "drop")
    assert target.category_quality == (("coding", 0.8),)
    made = keys_in(output)
    caller = authenticate(made["team-a/ci"], load_keyring(), 0)
    assert (caller.tenant, caller.allow_models, caller.default_policy) == ("team-a", ("bench*",), "primary-first")
    assert (caller.limits.requests_per_minute, caller.limits.requests_per_day) == (600, None)
    assert (caller.limits.tokens_per_minute, caller.key_limits.tokens_per_minute) == (None, 9000)
    scoped = authenticate(made["team-a/ops"], load_keyring(), 0)
    assert scoped.operator and scoped.scope == Scope(("bench", "p/*"), ("cheap", "primary*"), ("chat",))
    assert caller.scope is NOTHING_TAKEN
    assert Policy.objects.get(name="balanced").weights["cost"] == 40
    assert Policy.objects.get(name="balanced").version == 2
    policy = load_policies().by_name["primary-first"]
    assert (policy.order, policy.client_tasks) == (("bench/bench",), (("*", "balanced"), ("summary", "best")))
    assert numbers() == {CATALOG: 1, TENANTS: 1, POLICIES: 1}


def test_a_second_apply_changes_nothing(run):
    run(WHOLE)
    before = (numbers(), rows(), AuditEntry.objects.count())
    assert run(WHOLE) == "no change\n"
    assert (numbers(), rows(), AuditEntry.objects.count()) == before


def test_an_export_applies_without_a_change(run, monkeypatch):
    run(WHOLE)
    monkeypatch.delenv("BENCH_UPSTREAM_KEY")
    text = exported()
    assert run(text) == "no change\n"


def test_a_scope_changes_in_the_part_that_the_file_gives(run):
    run(WHOLE)
    text = "tenants: [{name: team-a, keys: [{name: ops, allow: {routes: [chat, usage]}}]}]"
    assert "~ client key team-a/ops: allow.routes [chat] -> [chat, usage]" in run(text)
    assert ClientKey.objects.get(name="ops").allow_models == ["bench", "p/*"]
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.changes) == ("changed", {"allow_routes": [["chat"], ["chat", "usage"]]})
    assert run(text) == "no change\n"


def test_an_empty_list_and_a_star_both_take_nothing_away_and_stay_as_they_were_written(run):
    text = 'tenants: [{name: t, keys: [{name: a, allow: {models: ["*"], routes: []}}]}]'
    made = keys_in(run(text))
    assert authenticate(made["t/a"], load_keyring(), 0).scope is NOTHING_TAKEN
    assert run(text) == "no change\n" and run(exported()) == "no change\n"


def test_vectors_need_a_price_of_input_alone(run):
    file = deployment("    capabilities: [embeddings]\n    price: {input: 0.02}\n")
    run(file)
    (target,) = load_catalog().by_model["m"]
    assert (target.price.input, target.price.output) == (20_000, 0)
    assert run(exported()) == "no change\n"


def test_a_time_limit_that_is_null_is_the_kinds_own_again(run):
    run(deployment("    timeouts: {first_token: 7, stall: 8}\n"))
    assert "timeouts: {first_token: 7.0, stall: 8.0}" in exported()
    assert "timeouts.first_token 7.0 -> none" in run(deployment("    timeouts: {first_token: null}\n"))
    assert "timeouts: {stall: 8.0}" in exported()
    (target,) = load_catalog().by_model["m"]
    assert (target.timeouts.first_token_s, target.timeouts.stall_s) == (60, 8)


def test_an_export_builds_the_same_elsewhere(run):
    run(WHOLE)
    text = exported()
    for kind in (Provider, LanguageModel, Tenant, Policy):
        kind.objects.all().delete()
    run(text)
    assert "#   bench: credential_env: [BENCH_UPSTREAM_KEY]" in text, "which is to be given there"
    assert yaml.safe_load(exported()) == yaml.safe_load(text)


def test_an_export_holds_no_secret(run):
    made = keys_in(run(WHOLE))
    Provider.objects.update(headers={"X-Api-Key": "sk-hidden-in-a-header", "X-Title": "NeuroRoute"})
    text = exported()
    stored = [SECRET, *made.values(), *ClientKey.objects.values_list("digest", flat=True), "sk-hidden-in-a-header"]
    assert not any(secret in text for secret in stored)
    assert "X-Title" in text


def test_thousands_of_rows_are_exported(run):
    run(provider())
    models = LanguageModel.objects.bulk_create(LanguageModel(name=f"m-{number}") for number in range(1100))
    of = Provider.objects.get()
    Deployment.objects.bulk_create(Deployment(provider=of, model=m, upstream_model=m.name) for m in models)
    assert exported().count("model: m-") == 2200


def test_a_dry_run_tells_the_difference_and_makes_none(run):
    before = (numbers(), rows())
    output = run(WHOLE, "--dry-run")
    assert (numbers(), rows()) == before
    assert "+ deployment bench/bench: upstream_model bench-v1, context 128000" in output
    assert "dry run: nothing was changed" in output
    assert not keys_in(output)


def test_only_what_differs_is_named_and_bumped(run):
    run(WHOLE)
    output = run(WHOLE.replace("retries: 1", "retries: 0").replace("input: 0.15", "input: 0.25"))
    assert output == (
        "~ deployment bench/bench: retries 1 -> 0\n+ price of bench/bench: input 0.15 -> 0.25\n2 changes made\n"
    )
    assert numbers() == {CATALOG: 2, TENANTS: 1, POLICIES: 1}


def test_every_change_is_in_the_audit_log(run):
    run(WHOLE)
    run(WHOLE.replace("retries: 1", "retries: 0"), "--reason", "the vendor retries")
    entry = AuditEntry.objects.first()
    assert (entry.via, entry.action, entry.object_name) == ("file", "changed", "bench/bench")
    assert entry.reason == "the vendor retries"
    assert entry.changes == {"retries": [1, 0]}
    assert not any(SECRET in str(each) for each in AuditEntry.objects.values())


def test_what_the_file_leaves_out_stays(run):
    run(WHOLE)
    before = rows()
    assert run("") == "no change\n"
    assert run("providers:\n- name: bench\n  deployments: [{model: bench}]\ntenants: [{name: team-a}]") == "no change\n"
    assert rows() == before


def test_a_null_makes_a_value_unknown_or_unlimited(run):
    run(WHOLE)
    fields = "{model: bench, price: null, context: null, quality: null}"
    run(f"providers:\n- name: bench\n  deployments: [{fields}]")
    run("tenants: [{name: team-a, limits: {requests_per_minute: null}}]")
    row = Deployment.objects.get()
    assert (row.context, row.quality, load_catalog().by_name["bench/bench"].price) == (None, None, None)
    assert Tenant.objects.get().requests_per_minute is None


def test_without_a_price_the_cost_is_unknown_and_with_zero_it_is_free(run):
    run(deployment())
    assert load_catalog().targets[0].price is None
    run(deployment("    price: {input: 0, output: 0}\n"))
    assert load_catalog().targets[0].price.input == 0


def test_a_new_provider_gets_the_usual_address_of_its_wire(run):
    run("providers: [{name: openai, wire: openai}]")
    assert Provider.objects.get().base_url == "https://api.openai.com/v1"


def test_yaml_anchors_and_merges_work(run):
    run(
        "providers:\n- &one {name: a, wire: openai, base_url: 'https://a.test', deployments: [{model: m}]}\n"
        "- {<<: *one, name: b}\n"
    )
    assert [target.name for target in load_catalog().targets] == ["a/m", "b/m"]


def test_the_documented_example_applies(run, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "our-own-key-0123456789")
    monkeypatch.setenv("OPS_HOOK", "https://hooks.example.com/ops")
    monkeypatch.setenv("OPS_HOOK_KEY", "a-key-that-signs")
    page = (settings.BASE_DIR / "docs" / "configuration-file.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    assert "+ deployment bench/bench" in run(example)
    assert run(example).startswith("no change\n")


def test_the_audit_log_has_what_was_set_and_who_ran_the_command(run):
    text = (
        "tenants: [{name: t, limits: {requests_per_minute: 6}, keys: [{name: ci}], budgets: [{usd: 5, period: day}]}]"
    )
    assert "budget of t, day: usd 5" in run(text)
    rows = {row.kind: row for row in AuditEntry.objects.filter(action="added")}
    assert rows["tenant"].changes == {"name": [None, "t"], "requests_per_minute": [None, 6]}
    assert rows["client key"].changes == {"tenant": [None, "t"], "name": [None, "ci"]}
    person = pwd.getpwuid(os.getuid()).pw_name
    assert all(f"{person}@{socket.gethostname()}" in row.actor and row.via == "file" for row in rows.values())


def test_a_switch_is_told_as_the_file_writes_it(run):
    text = "tenants: [{name: t, budgets: [{usd: 5, period: day, hard: HARD}]}]"
    assert "hard true" in run(text.replace("HARD", "true"))
    assert "hard true -> false" in run(text.replace("HARD", "false"))


def test_an_export_says_which_providers_need_their_credentials_elsewhere(run, monkeypatch):
    monkeypatch.setenv("ACME_KEY", SECRET)
    run(
        provider("  credential_env: ACME_KEY\n")
        + "- name: q\n  wire: openai\n  base_url: https://q.test/v1\n  credential: sk-q\n"
    )
    text = exported()
    assert "#   p: credential_env: [ACME_KEY]\n#   q: credential_env: [NAME]\n" in text and SECRET not in text
    assert run(text) == "no change\n"
