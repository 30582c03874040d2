"""The configuration as a file: applied once it is there, applied twice nothing moves, a bad line is named."""

import io
import os
import stat
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from providers.catalog import load_catalog
from providers.models import AuditEntry, Credential, Deployment, LanguageModel, Provider
from providers.revisions import CATALOG, POLICIES, TENANTS, numbers
from providers.secrets import seal, unseal
from routing.models import Policy
from tenants.keyring import authenticate, load_keyring
from tenants.keys import revoke
from tenants.models import ClientKey, Tenant

pytestmark = pytest.mark.django_db
SECRET = "sk-upstream-0123456789"
WHOLE = """\
providers:
  - name: bench
    wire: openai
    base_url: http://127.0.0.1:9001/v1
    credential_env: BENCH_UPSTREAM_KEY
    allow_private: true
    headers: {X-Title: NeuroRoute}
    deployments:
      - model: bench
        upstream_model: bench-v1
        context: 128000
        price: {input: 0.15, output: 0.60, cached_input: 0.075}
        capabilities: [tools, vision, json_schema]
        quality: 0.7
        timeouts: {connect: 2, first_byte: 10, first_token: 10, stall: 10, total: 300}
        retries: 1
models:
  - {name: bench, aliases: [bench-latest], category_quality: {coding: 0.8}}
tenants:
  - name: team-a
    keys: [{name: ci}, {name: ops, operator: true}]
    limits: {requests_per_minute: 600, tokens_per_minute: null, requests_per_day: null}
    allow: {models: ["bench*"], policies: ["*"]}
    default_policy: primary-first
policies:
  - {name: balanced, kind: weighted, weights: {cost: 40, latency: 30, uptime: 30, quality: 0}}
  - {name: primary-first, kind: ordered, order: [bench/bench]}
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("BENCH_UPSTREAM_KEY", SECRET)


@pytest.fixture
def run(tmp_path):
    """Apply a text through the command; returns what it printed, errors last."""

    def apply(text, *options):
        path, out, err = tmp_path / "config.yaml", io.StringIO(), io.StringIO()
        path.write_text(text, encoding="utf-8")
        call_command("apply", str(path), *options, stdout=out, stderr=err)
        return out.getvalue() + err.getvalue()

    return apply


@pytest.fixture
def refused(run):
    """The messages with which a text is refused; nothing may have changed."""

    def apply(text, *options):
        before = (numbers(), rows())
        with pytest.raises(CommandError) as caught:
            run(text, *options)
        assert (numbers(), rows()) == before
        return str(caught.value)

    return apply


def rows():
    kinds = (Provider, Credential, LanguageModel, Deployment, Tenant, ClientKey, Policy)
    return [list(kind.objects.order_by("pk").values()) for kind in kinds]


def exported():
    out = io.StringIO()
    call_command("export", stdout=out)
    return out.getvalue()


def keys_in(output):
    lines = [line for line in output.splitlines() if "=nr-" in line]
    return dict(line.split("=", 1) for line in lines)


def provider(fields="", deployments=""):
    return f"providers:\n- name: p\n  wire: openai\n  base_url: https://p.test/v1\n{fields}{deployments}"


def deployment(fields=""):
    return provider(deployments=f"  deployments:\n  - model: m\n{fields}")


class TestApplying:
    def test_the_whole_file_becomes_what_workers_read(self, run):
        output = run(WHOLE)
        (target,) = load_catalog().by_model["bench-latest"]
        assert (target.name, target.upstream_model, target.wire) == ("bench/bench", "bench-v1", "openai")
        assert (target.base_url, target.headers) == ("http://127.0.0.1:9001/v1", (("X-Title", "NeuroRoute"),))
        assert [secret.value for secret in target.secrets] == [SECRET]
        assert (target.context, target.retries, target.quality) == (128000, 1, 0.7)
        assert target.capabilities == {"tools", "vision", "json_schema"}
        assert (target.price.input, target.price.output, target.price.cached_input) == (150_000, 600_000, 75_000)
        assert (target.timeouts.connect_s, target.timeouts.total_s) == (2, 300)
        assert target.category_quality == (("coding", 0.8),)
        made = keys_in(output)
        caller = authenticate(made["team-a/ci"], load_keyring(), 0)
        assert (caller.tenant, caller.allow_models, caller.default_policy) == ("team-a", ("bench*",), "primary-first")
        assert (caller.limits.requests_per_minute, caller.limits.requests_per_day) == (600, None)
        assert authenticate(made["team-a/ops"], load_keyring(), 0).operator
        assert Policy.objects.get(name="balanced").weights["cost"] == 40
        assert Policy.objects.get(name="balanced").version == 2
        assert Policy.objects.get(name="primary-first").order == ["bench/bench"]
        assert numbers() == {CATALOG: 1, TENANTS: 1, POLICIES: 1}

    def test_a_second_apply_changes_nothing(self, run):
        run(WHOLE)
        before = (numbers(), rows(), AuditEntry.objects.count())
        assert run(WHOLE) == "no change\n"
        assert (numbers(), rows(), AuditEntry.objects.count()) == before

    def test_an_export_applies_without_a_change(self, run, monkeypatch):
        run(WHOLE)
        monkeypatch.delenv("BENCH_UPSTREAM_KEY")
        text = exported()
        assert run(text) == "no change\n"

    def test_an_export_builds_the_same_elsewhere(self, run):
        run(WHOLE)
        text = exported()
        for kind in (Provider, LanguageModel, Tenant, Policy):
            kind.objects.all().delete()
        run(text)
        assert exported() == text

    def test_an_export_holds_no_secret(self, run):
        made = keys_in(run(WHOLE))
        Provider.objects.update(headers={"X-Api-Key": "sk-hidden-in-a-header", "X-Title": "NeuroRoute"})
        text = exported()
        stored = [SECRET, *made.values(), *ClientKey.objects.values_list("digest", flat=True), "sk-hidden-in-a-header"]
        assert not any(secret in text for secret in stored)
        assert "X-Title" in text

    def test_thousands_of_rows_are_exported(self, run):
        run(provider())
        models = LanguageModel.objects.bulk_create(LanguageModel(name=f"m-{number}") for number in range(1100))
        of = Provider.objects.get()
        Deployment.objects.bulk_create(Deployment(provider=of, model=m, upstream_model=m.name) for m in models)
        assert exported().count("model: m-") == 2200

    def test_a_dry_run_tells_the_difference_and_makes_none(self, run):
        before = (numbers(), rows())
        output = run(WHOLE, "--dry-run")
        assert (numbers(), rows()) == before
        assert "+ deployment bench/bench: upstream_model bench-v1, context 128000" in output
        assert "dry run: nothing was changed" in output
        assert not keys_in(output)

    def test_only_what_differs_is_named_and_bumped(self, run):
        run(WHOLE)
        output = run(WHOLE.replace("retries: 1", "retries: 0").replace("input: 0.15", "input: 0.25"))
        assert output == "~ deployment bench/bench: retries 1 -> 0, price.input 0.15 -> 0.25\n1 change made\n"
        assert numbers() == {CATALOG: 2, TENANTS: 1, POLICIES: 1}

    def test_every_change_is_in_the_audit_log(self, run):
        run(WHOLE)
        run(WHOLE.replace("retries: 1", "retries: 0"))
        entry = AuditEntry.objects.first()
        assert (entry.via, entry.action, entry.object_name) == ("file", "changed", "bench/bench")
        assert entry.changes == {"retries": [1, 0]}
        assert not any(SECRET in str(each) for each in AuditEntry.objects.values())

    def test_what_the_file_leaves_out_stays(self, run):
        run(WHOLE)
        before = rows()
        assert run("") == "no change\n"
        assert (
            run("providers:\n- name: bench\n  deployments: [{model: bench}]\ntenants: [{name: team-a}]")
            == "no change\n"
        )
        assert rows() == before

    def test_a_null_makes_a_value_unknown_or_unlimited(self, run):
        run(WHOLE)
        fields = "{model: bench, price: null, context: null, quality: null}"
        run(f"providers:\n- name: bench\n  deployments: [{fields}]")
        run("tenants: [{name: team-a, limits: {requests_per_minute: null}}]")
        row = Deployment.objects.get()
        assert (row.input_price, row.cached_input_price, row.context, row.quality) == (None, None, None, None)
        assert Tenant.objects.get().requests_per_minute is None

    def test_without_a_price_the_cost_is_unknown_and_with_zero_it_is_free(self, run):
        run(deployment())
        assert load_catalog().targets[0].price is None
        run(deployment("    price: {input: 0, output: 0}\n"))
        assert load_catalog().targets[0].price.input == 0
        assert Deployment.objects.get().input_price == Decimal(0)

    def test_a_new_provider_gets_the_usual_address_of_its_wire(self, run):
        run("providers: [{name: openai, wire: openai}]")
        assert Provider.objects.get().base_url == "https://api.openai.com/v1"

    def test_yaml_anchors_and_merges_work(self, run):
        run(
            "providers:\n- &one {name: a, wire: openai, base_url: 'https://a.test', deployments: [{model: m}]}\n"
            "- {<<: *one, name: b}\n"
        )
        assert [target.name for target in load_catalog().targets] == ["a/m", "b/m"]


class TestSecrets:
    def pool(self):
        return {row.name: unseal(row.ciphertext) for row in Credential.objects.filter(enabled=True)}

    def test_a_list_is_the_pool(self, run, monkeypatch):
        monkeypatch.setenv("ANOTHER_KEY", "sk-another-0123456789")
        run(provider("  credential_env: [BENCH_UPSTREAM_KEY, ANOTHER_KEY]\n"))
        assert self.pool() == {"BENCH_UPSTREAM_KEY": SECRET, "ANOTHER_KEY": "sk-another-0123456789"}
        run(provider("  credential: [sk-one-0123456789, sk-two-0123456789]\n"))
        assert self.pool() == {"default": "sk-one-0123456789", "default-2": "sk-two-0123456789"}
        assert Credential.objects.count() == 4

    def test_a_rotated_secret_is_replaced_and_never_shown(self, run, monkeypatch):
        first = run(WHOLE)
        monkeypatch.setenv("BENCH_UPSTREAM_KEY", "sk-rotated-0123456789")
        second = run(WHOLE)
        assert second == "~ credential bench/BENCH_UPSTREAM_KEY: replaced\n1 change made\n"
        assert self.pool() == {"BENCH_UPSTREAM_KEY": "sk-rotated-0123456789"}
        assert SECRET not in first and "rotated" not in second

    def test_a_secret_that_no_key_opens_is_replaced(self, run, settings):
        run(WHOLE)
        settings.SECRETS_KEYS = ["a completely different key"]
        assert "replaced" in run(WHOLE)
        assert self.pool() == {"BENCH_UPSTREAM_KEY": SECRET}

    def test_a_file_without_credentials_leaves_the_pool_alone(self, run):
        run(provider())
        Credential.objects.create(provider=Provider.objects.get(), ciphertext=seal(SECRET), last_four="6789")
        assert run(provider()) == "no change\n"
        assert self.pool() == {"default": SECRET}

    def test_a_missing_variable_is_named_with_its_line(self, refused):
        message = refused(provider("  credential_env: [BENCH_UPSTREAM_KEY, NOT_THERE]\n"))
        assert "line 5: providers[0].credential_env[1]: the environment variable NOT_THERE is not set" in message

    def test_a_secret_with_a_line_break_is_refused_and_not_repeated(self, refused):
        message = refused(provider('  credential: "sk-broken\\r\\nX-Evil: 1"\n'))
        assert "line 5: providers[0].credential[0]: a credential has printable ASCII" in message
        assert "broken" not in message


class TestClientKeys:
    def test_keys_go_to_a_file_of_their_own_once(self, run, tmp_path):
        path = tmp_path / "keys"
        path.write_text("old/key=kept\nteam-a/ci=stale\n")
        path.chmod(0o644)
        output = run(WHOLE, "--keys-to", str(path))
        lines = path.read_text().splitlines()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [line.split("=")[0] for line in lines] == ["old/key", "team-a/ci", "team-a/ops"]
        assert lines[0] == "old/key=kept"
        key = dict(line.split("=") for line in lines)["team-a/ci"]
        assert authenticate(key, load_keyring(), 0).key_name == "ci"
        assert key not in output and not keys_in(output)
        before = path.read_bytes()
        run(WHOLE, "--keys-to", str(path))
        assert path.read_bytes() == before
        assert os.listdir(tmp_path).count("keys") == 1

    def test_when_the_file_cannot_be_written_no_key_is_made(self, refused, tmp_path):
        assert "nothing was changed" in refused(WHOLE, "--keys-to", str(tmp_path / "nowhere" / "keys"))

    def test_one_s_own_key_is_taken_and_replaced_but_not_printed(self, run, monkeypatch):
        text = "tenants: [{name: team-a, keys: [{name: ci, value_env: OUR_KEY}]}]"
        monkeypatch.setenv("OUR_KEY", "our-own-key-0123456789")
        output = run(text)
        assert authenticate("our-own-key-0123456789", load_keyring(), 0).key_name == "ci"
        assert "our-own-key" not in output
        assert run(text) == "no change\n"
        monkeypatch.setenv("OUR_KEY", "our-new-key-0123456789")
        assert run(text) == "~ client key team-a/ci: replaced\n1 change made\n"
        assert list(load_keyring().callers.values())[0].key_prefix.startswith("own-")
        assert authenticate("our-new-key-0123456789", load_keyring(), 0).key_name == "ci"

    def test_an_unfit_or_taken_key_is_refused_and_not_repeated(self, refused):
        keys = "[{name: a, value: short}, {name: b, value: own-key-0123456789}, {name: c, value: own-key-0123456789}]"
        message = refused(f"tenants:\n- name: t\n  keys: {keys}")
        assert "line 3: tenants[0].keys[0].value: a client key has 16 to 512 characters" in message
        assert "line 3: tenants[0].keys[2].value: this value is already the key t/b" in message
        assert "own-key-0123456789" not in message

    def test_a_revoked_key_stays_revoked(self, run):
        run("tenants: [{name: team-a, keys: [{name: ci}]}]")
        revoke(ClientKey.objects.get())
        output = run("tenants: [{name: team-a, keys: [{name: ci}]}]")
        assert "line 1: client key team-a/ci is revoked for good" in output
        assert load_keyring().callers == {}
        assert "keys:" not in exported()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 2: not YAML"),
        ("providers:\n  - name: a\n wire: b", "line 3: not YAML"),
        ("- 1", "line 1: expected `object`, got `array`"),
        ("providerz: []", "line 1: providerz: unknown field; nearest: providers"),
        (provider("  nmae: x\n"), "line 5: providers[0].nmae: unknown field; nearest: name"),
        (deployment("    prize: 1\n"), "line 7: providers[0].deployments[0].prize: unknown field; nearest: price"),
        (
            deployment("    timeouts:\n      firsttoken: 1\n"),
            "line 8: providers[0].deployments[0].timeouts.firsttoken: unknown field; nearest: first_token",
        ),
        (deployment("    retries: 3\n"), "line 7: providers[0].deployments[0].retries: expected `int` <= 2"),
        (deployment("    quality: 1.5\n"), "line 7: providers[0].deployments[0].quality: expected `float` <= 1.0"),
        (deployment("    context: big\n"), "line 7: providers[0].deployments[0].context: expected `int | null`"),
        (
            deployment("    price: {input: 1}\n"),
            "line 7: providers[0].deployments[0].price: give both input and output",
        ),
        (
            deployment("    price:\n      input: 1\n      output: -1\n"),
            "line 9: providers[0].deployments[0].price.output: -1 is not between 0",
        ),
        (deployment("    price: {input: .nan, output: 1}\n"), "line 7: providers[0].deployments[0].price.input: NaN"),
        (deployment("    price: {input: 1.0000001, output: 1}\n"), "price.input: 1.0000001 is not between"),
        (
            deployment("    context: 100\n    max_output: 200\n"),
            "line 8: providers[0].deployments[0].max_output: max_output 200 does not fit a context of 100",
        ),
        (deployment("  - model: m\n"), "line 7: providers[0].deployments[1]: m already stands on line 6"),
        (provider("  name: again\n"), "line 5: providers[0].name: is given twice"),
        ("providers:\n- wire: openai", "line 2: providers[0]: missing required field `name`"),
        ("providers:\n- name: p", "line 2: providers[0]: a new provider needs a wire: one of "),
        ("providers: [{name: p, wire: openia}]", "providers[0].wire: no adapter speaks openia; nearest: openai"),
        ("providers: [{name: Not A Slug}]", "line 1: providers[0].name: expected `str` matching regex"),
        (
            "providers:\n- name: p\n  wire: openai\n  base_url: http://10.0.0.1/v1",
            "line 4: providers[0].base_url: 10.0.0.1 is a loopback, private or link-local address; set allow_private",
        ),
        (provider("  headers:\n    Authorization: x\n"), "line 6: providers[0].headers.Authorization: Authorization"),
        ("models: [{name: auto}]", "line 1: models[0].name: auto is a name of the router itself"),
        ("models:\n- name: m\n  aliases:\n  - auto:fast", "line 4: models[0].aliases[0]: auto:fast is a name"),
        (
            "models:\n- name: m\n  category_quality:\n    coding: 0.5\n    prose: 8",
            "line 5: models[0].category_quality.prose: 8 is not between 0 and 1",
        ),
        ("models: [{name: a}, {name: a}]", "line 1: models[1]: a already stands on line 1"),
        ("tenants: [{name: t, default_policy: balancd}]", "no policy is called balancd; nearest: balanced"),
        (
            "tenants:\n- name: t\n  limits: {requests_per_minute: -1}",
            "line 3: tenants[0].limits.requests_per_minute: exp",
        ),
        (
            "tenants: [{name: t, keys: [{name: k, value_env: NOT_THERE}]}]",
            "the environment variable NOT_THERE is not set",
        ),
        ("tenants: [{name: t, keys: [{name: k, expires_at: 2030-01-01 00:00:00}]}]", "with a timezone component"),
        ("tenants: [{name: t, budgets: [{usd: 1, period: moon}]}]", "tenants[0].budgets[0].period: invalid enum value"),
        ("policies: [{name: p, kind: weighted}]", "policies[0]: a weighted policy needs a weight above 0"),
        ("policies: [{name: p, kind: ordered}]", "policies[0]: a policy of kind ordered needs an order"),
        (
            "policies: [{name: p, kind: orderd, order: [x]}]",
            "policies[0].kind: there is no kind orderd; nearest: ordered",
        ),
        (
            "policies:\n- name: p\n  kind: weighted\n  weights:\n    cost: 1\n    speed: 2",
            "line 6: policies[0].weights.speed: nothing scores speed; known: cost, latency, quality, uptime",
        ),
        ("policies: [{name: balanced, weights: {cost: -1}}]", "policies[0].weights.cost: -1 is not between 0 and 1000"),
    ],
)
def test_a_bad_line_is_named_with_its_number_field_and_limit(refused, text, message):
    assert message in refused(text)


def test_every_bad_line_is_named_at_once(refused):
    text = "models:\n- name: auto\ntenants:\n- name: t\n  default_policy: nope\npolicies:\n- name: p\n"
    lines = refused(text).splitlines()
    assert [line.split(":")[0] for line in lines[1:]] == ["line 2", "line 5", "line 7"]


def test_what_is_doubtful_is_said_and_applied(run):
    output = run(
        "providers:\n- {name: p, wire: openai, deployments: [{model: m, capabilities: [tool]}]}\n"
        "models:\n- {name: n, aliases: [m, shared]}\n- {name: o, aliases: [shared]}\n"
        "tenants:\n- name: t\n  limits: {tokens_per_minute: 5}\n  budgets: [{usd: 25, period: month, hard: true}]\n"
        "policies:\n- {name: q, kind: ordered, order: [p/n]}\n"
    )
    assert "line 2: no request asks for tool; nearest: tools" in output
    assert "line 5: shared also leads to n: any of them may answer" in output
    assert "line 8: tokens_per_minute is not enforced yet" in output
    assert "line 9: budgets are not enforced yet" in output
    assert "line 11: no deployment is called p/n; nearest: " in output
    assert Tenant.objects.get().tokens_per_minute == 5


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("apply", str(tmp_path / "nothing.yaml"))
