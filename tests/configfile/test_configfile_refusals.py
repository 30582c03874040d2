"""A bad line is named with its number, its field and its limit; what is doubtful is said."""

import pytest
from django.core.management import CommandError, call_command

from tests.configfile.files import deployment, provider

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 2: not YAML"),
        ("providers:\n  - name: a\n wire: b", "line 3: not YAML"),
        ("- 1", "line 1: must be a mapping; not a list"),
        ("providerz: []", "line 1: providerz: unknown field; nearest: providers"),
        (provider("  nmae: x\n"), "line 5: providers[0].nmae: unknown field; nearest: name"),
        (deployment("    prize: 1\n"), "line 7: providers[0].deployments[0].prize: unknown field; nearest: price"),
        (
            deployment("    timeouts:\n      firsttoken: 1\n"),
            "line 8: providers[0].deployments[0].timeouts.firsttoken: unknown field; nearest: first_token",
        ),
        (deployment("    unsupported: maybe\n"), "unsupported: must be one of default, exclude, drop; not 'maybe'"),
        (provider("  data_policy: none\n"), "line 5: providers[0].data_policy: must be one of '', collects"),
        (
            "policies: [{name: p, kind: ordered, order: [x], client_tasks: {titel: balanced}}]",
            "policies[0].client_tasks.titel: no client sends a titel; nearest: title",
        ),
        (
            deployment("    retries: 3\n"),
            "line 7: providers[0].deployments[0].retries: must be a whole number from 0 to 2; not 3",
        ),
        (
            deployment("    quality: 1.5\n"),
            "line 7: providers[0].deployments[0].quality: must be a number from 0 to 1 or null",
        ),
        (
            deployment("    context: big\n"),
            "line 7: providers[0].deployments[0].context: must be a whole number from 1 to",
        ),
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
        ("providers:\n- wire: openai", "line 2: providers[0].name: is missing; give lower-case letters"),
        ("providers:\n- name: p", "line 2: providers[0]: a new provider needs a wire: one of "),
        ("providers: [{name: p, wire: openia}]", "providers[0].wire: no adapter speaks openia; nearest: openai"),
        (
            "providers: [{name: Not A Slug}]",
            "line 1: providers[0].name: must be lower-case letters, digits, dots, dashes and _, at most 64",
        ),
        (
            "providers:\n- name: p\n  wire: openai\n  base_url: http://10.0.0.1/v1",
            "line 4: providers[0].base_url: 10.0.0.1 is a loopback, private or link-local address; set allow_private",
        ),
        (provider("  headers:\n    Authorization: x\n"), "line 6: providers[0].headers.Authorization: Authorization"),
        (provider("  headers:\n    Connection: x\n"), "line 6: providers[0].headers.Connection: Connection is for the"),
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
            "line 3: tenants[0].limits.requests_per_minute: must be a whole number from 0",
        ),
        (
            "tenants: [{name: t, keys: [{name: k, value_env: NOT_THERE}]}]",
            "the environment variable NOT_THERE is not set",
        ),
        (
            "tenants:\n- name: t\n  keys:\n  - name: k\n    allow:\n      routes:\n      - chat\n      - embeding\n",
            "line 8: tenants[0].keys[0].allow.routes[1]: no route is called embeding; nearest: embeddings",
        ),
        (
            "tenants:\n- name: t\n  keys:\n  - name: k\n    allow:\n      policies: [balancd]\n",
            "line 6: tenants[0].keys[0].allow.policies[0]: no policy is called balancd; nearest: balanced",
        ),
        (
            "tenants:\n- name: t\n  keys:\n  - name: k\n    allow: {model: [x]}\n",
            "line 5: tenants[0].keys[0].allow.model: unknown field; nearest: models",
        ),
        (
            "tenants: [{name: t, keys: [{name: k, allow: {models: [a b]}}]}]",
            "allow.models[0]: must be a text without spaces",
        ),
        (
            "tenants: [{name: t, keys: [{name: k, expires_at: 2030-01-01 00:00:00}]}]",
            "expires_at: must be an instant with its offset",
        ),
        (
            "tenants: [{name: t, budgets: [{usd: 1, period: moon}]}]",
            "tenants[0].budgets[0].period: must be one of day, week, month, total",
        ),
        ("tenants: [{name: t, budgets: [{period: day}]}]", "tenants[0].budgets[0]: give one limit, usd or tokens"),
        (
            "tenants: [{name: t, keys: [{name: ci}], budgets: [{usd: 1, period: day, key: cj}]}]",
            "tenants[0].budgets[0].key: the tenant has no key cj",
        ),
        (
            "tenants: [{name: t, budgets: [{usd: 1, period: day}, {usd: 2, period: day}]}]",
            "tenants[0].budgets[1]: another budget of the tenant counts the same",
        ),
        ("tenants: [{name: t, time_zone: Europe/Berlim}]", "tenants[0].time_zone: Europe/Berlim is no time zone"),
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
        "tenants:\n- name: t\n  enabled: true\n  explain: true\n"
        "policies:\n- {name: q, kind: ordered, order: [p/n]}\n"
    )
    assert "line 2: no request asks for tool; nearest: tools" in output
    assert "line 5: shared also leads to n: any of them may answer" in output
    assert "line 11: no deployment is called p/n; nearest: " in output


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("apply", str(tmp_path / "nothing.yaml"))


def test_every_field_of_a_wrong_kind_is_named_at_once(refused):
    told = refused("providers:\n- name: P\n  local: maybe\n  colour: red\npolicies:\n- {name: a b}\n")
    for line, field in (
        (2, "providers[0].name"),
        (3, "providers[0].local"),
        (4, "providers[0].colour"),
        (6, "policies[0].name"),
    ):
        assert f"line {line}: {field}: " in told


def test_what_may_be_a_secret_is_not_repeated(refused):
    told = refused("providers: [{name: p, credential: 4711004711}]\n")
    assert "providers[0].credential: must be a text, 1 to 4096 characters, or a list; which this is not" in told
    assert "4711" not in told
