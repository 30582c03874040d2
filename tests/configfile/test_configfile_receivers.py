"""Receivers of alerts in the file: made once, changed by what it says, without a secret in what is said of them."""

import pytest
import yaml

from providers.audit import Actor
from providers.models import AuditEntry
from routing.configfile.applying import apply
from routing.configfile.exporting import export
from routing.configfile.reading import ConfigError, read
from tenants.alertrows import AlertReceiver
from tenants.delivering import hook_of
from tenants.webhooks import Hook

pytestmark = pytest.mark.django_db
URL, KEY = "https://hooks.example.com/T0/s3cr3t-path", "a-signing-key-of-ours"
TENANTS = """
tenants:
  - {name: team-a, keys: [{name: ci}], budgets: [{usd: 25, period: month}, {tokens: 9, period: day, key: ci, tag: x}]}
"""
RECEIVERS = """
receivers:
  - {name: finance, tenant: team-a, email: finance@example.com, budget: {period: day, unit: tokens, key: ci, tag: x}}
  - {name: ops channel, url_env: OPS_URL, key_env: OPS_KEY, budget_alerts: false, findings: failing}
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch) -> None:
    monkeypatch.setenv("OPS_URL", URL)
    monkeypatch.setenv("OPS_KEY", KEY)


def applied(text: str, **more: object) -> list[str]:
    return apply(read(text), Actor("ana", "file"), **more).lines


def test_receivers_are_made_once_and_exported_without_their_secrets():
    lines = applied(TENANTS + RECEIVERS, reason="from the book")
    assert [line.split(":")[0] for line in lines[-2:]] == ["+ receiver team-a/finance", "+ receiver ops channel"]
    assert "s3cr3t" not in str(lines) and KEY not in str(lines)
    finance, ops = AlertReceiver.objects.order_by("pk")
    assert (finance.kind, finance.email, finance.budget.tag, finance.budget_alerts) == (
        "email", "finance@example.com", "x", True,
    )  # fmt: skip
    assert (hook_of(ops), ops.tenant, ops.findings, ops.shown) == (
        Hook(URL, KEY), None, "failing", "https://hooks.example.com/…",
    )  # fmt: skip
    entries = AuditEntry.objects.filter(kind="alert receiver")
    assert {each.reason for each in entries} == {"from the book"}
    assert "s3cr3t" not in str([each.changes for each in entries])
    assert applied(TENANTS + RECEIVERS) == []
    out = export()
    assert "s3cr3t" not in out and KEY not in out and applied(out) == []
    assert yaml.safe_load(out)["receivers"][0]["budget"] == {"unit": "tokens", "period": "day", "key": "ci", "tag": "x"}


def test_what_changes_is_said_and_what_the_file_leaves_out_stays(monkeypatch):
    applied(TENANTS + RECEIVERS)
    monkeypatch.setenv("OPS_KEY", "another-key-of-ours")
    assert applied(RECEIVERS) == ["~ receiver ops channel: address or key replaced"]
    assert hook_of(AlertReceiver.objects.get(name="ops channel")) == Hook(URL, "another-key-of-ours")
    assert applied("receivers: [{name: ops channel, enabled: false}]") == [
        "~ receiver ops channel: enabled true -> false"
    ]
    assert applied("receivers: [{name: finance, tenant: team-a, budget: null}]")[0].startswith(
        "~ receiver team-a/finance: budget "
    )
    moved = applied("receivers: [{name: ops channel, email: ops@example.com}]")
    row = AlertReceiver.objects.get(name="ops channel")
    assert moved and (row.kind, row.shown, bytes(row.ciphertext)) == ("email", "ops@example.com", b"")


def test_an_exported_webhook_is_passed_over_where_it_is_not_there():
    applied(TENANTS + RECEIVERS)
    out = export()
    AlertReceiver.objects.all().delete()
    changes = apply(read(out), Actor("ana", "file"))
    assert [line.split(":")[0] for line in changes.lines] == ["+ receiver team-a/finance"]
    assert "ops channel is new, and no email or url_env is given" in changes.warnings[0]


@pytest.mark.parametrize(
    ("receiver", "path", "text"),
    [("{name: a, email: nobody}", "email", "no e-mail address"),
     ("{name: a, url: 'http://10.1.2.3/x', key: k}", "url", "private"),
     ("{name: a, url: 'https://hooks.example.com/x'}", "", "needs a key"),
     ("{name: a, email: a@example.com, url: 'https://hooks.example.com/x'}", "email", "not both"),
     ("{name: a, url_env: NOWHERE, key: k}", "url_env", "NOWHERE is not set"),
     ("{name: a, email: a@example.com, tenant: team-b}", "tenant", "no tenant team-b"),
     ("{name: a, email: a@example.com, tenant: team-a, budget: {period: week}}", "budget", "no budget"),
     ("{name: a, email: a@example.com, budget: {period: month}}", "budget", "tenant"),
     ("{name: a, email: a@example.com, budget_alerts: false}", "", "told nothing"),
     ("{name: a, email: a@example.com, finding: all}", "finding", "findings"),
     ("{name: a, email: a@example.com, findings: some}", "findings", "")],
)  # fmt: skip
def test_a_wrong_receiver_is_named_and_nothing_is_made(receiver, path, text):
    with pytest.raises(ConfigError) as caught:
        applied(f"{TENANTS}receivers:\n  - {receiver}\n")
    (message,) = caught.value.messages
    assert f"receivers[0]{'.' if path else ''}{path}:" in message and text in message
    assert message.startswith("line 5:") and not AlertReceiver.objects.exists()


def test_the_same_receiver_twice_is_an_error():
    with pytest.raises(ConfigError, match="already stands on line"):
        applied(TENANTS + RECEIVERS + "  - {name: ops channel, email: a@example.com}\n")
    assert not AlertReceiver.objects.exists()
