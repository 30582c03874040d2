"""Can a provider be added from the dashboard? With its key, and a worker finds its models; by the admin's rules."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from profiling.models import Job
from profiling.runner import run_due
from providers.models import AuditEntry, Credential, Deployment, Provider
from providers.sandbox.testing import Sandbox
from providers.secrets import unseal
from tests.dashboard.test_dashboard_budget_verbs import told_at
from tests.dashboard.test_dashboard_pages import text_of
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "/dashboard/upstreams/new/"
KEY = "sk-needle-of-a-new-provider-wxyz"
EVERY = "every tenant"


@pytest.fixture
def operator() -> Client:
    return browser_of(staff("otto", "operator", EVERY))


def test_it_is_added_with_its_key_tested_and_its_models_are_found(operator: Client) -> None:
    with Sandbox.start("openai", process=True) as upstream:
        typed = {"kind": "other:openai", "name": "acme", "base_url": upstream.base_url, "allow_private": "on"}
        asked = operator.post(NEW, typed | {"secret": KEY, "reason": "the launch"})
        assert asked.status_code == 302 and upstream.calls() == []
        assert "A worker lists the models" in text_of(operator.get(asked["location"]))
        run_due()
        assert [call.path for call in upstream.calls()] == ["/v1/models"]
    page = operator.get(asked["location"])
    row, count = Provider.objects.get(), Deployment.objects.count()
    assert (row.name, row.wire, row.source, row.local) == ("acme", "openai", "admin", False)
    assert unseal(Credential.objects.get(provider=row).ciphertext) == KEY
    assert count > 1 and f"{count} models were added" in text_of(page) and "…wxyz" in text_of(page)
    assert KEY not in page.content.decode() and KEY not in str(list(Job.objects.values())) and row.reached_at
    said = AuditEntry.objects.values_list("actor", "action", "object_name", "reason").order_by("pk")
    assert [each[1] for each in said] == ["added", "added", "tested", "imported models"]
    assert {each[0] for each in said} == {"otto"} and KEY not in str(list(AuditEntry.objects.values()))


def test_a_known_kind_needs_its_key_alone(operator: Client) -> None:
    Provider.objects.create(name="groq", wire="openai", base_url="https://api.groq.com/openai/v1")
    assert operator.post(NEW, {"kind": "groq", "secret": KEY}).status_code == 302
    made = Provider.objects.get(name="groq-2")
    assert (made.wire, made.base_url, made.allow_private) == ("openai", "https://api.groq.com/openai/v1", False)
    assert operator.post(NEW, {"kind": "ollama"}).status_code == 302
    local = Provider.objects.get(name="ollama")
    assert (local.wire, local.local, local.allow_private) == ("ollama", True, True)
    assert not local.credentials.exists()


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("base_url", {"kind": "other:openai", "name": "x"}, "Another server needs a Base URL"),
        ("name", {"kind": "other:openai", "base_url": "https://api.example.com/v1"}, "Another server needs a Name"),
        ("base_url", {"kind": "other:openai", "name": "x", "base_url": "http://10.0.0.1/v1"}, "private"),
        ("name", {"kind": "openai", "name": "Not A Slug"}, "Lower-case"),
        ("name", {"kind": "openai", "name": "taken"}, "already exists"),
        ("secret", {"kind": "openai", "secret": "short"}, "was it cut when copied?"),
    ],
)
def test_what_makes_no_sense_is_told_at_its_field(operator: Client, field: str, typed: dict[str, str], told: str):
    Provider.objects.create(name="taken", wire="openai", base_url="https://api.example.com/v1")
    answer = operator.post(NEW, {"secret": KEY} | typed)
    assert told in told_at(answer, field) and KEY not in answer.content.decode()
    assert Provider.objects.count() == 1 and not AuditEntry.objects.exists() and not Job.objects.exists()


def test_it_takes_the_right_to_add_providers_and_a_key_and_models_take_theirs(operator: Client) -> None:
    viewer = staff("vic", "viewer", EVERY)
    for answer in (browser_of(viewer).get(NEW), browser_of(viewer).post(NEW, {"kind": "openai"})):
        assert answer.status_code == 403 and "the role operator has it" in text_of(answer)
    viewer.user_permissions.set(Permission.objects.filter(codename="add_provider"))
    browser = browser_of(viewer)
    shown = browser.get(NEW)
    assert 'name="secret"' not in shown.content.decode() and "added by somebody who may" in text_of(shown)
    assert browser.post(NEW, {"kind": "openai", "secret": KEY})["location"] == "/dashboard/upstreams/"
    assert Provider.objects.get().name == "openai" and not Credential.objects.exists() and not Job.objects.exists()
