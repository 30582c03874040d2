"""What the drill and the sample traffic bring along is in no list of the admin, until a filter asks for it."""

import re

import pytest
from prometheus_client import REGISTRY
from prometheus_client.samples import Sample

from providers.catalog import load_catalog
from providers.models import Deployment, LanguageModel, Provider
from routing.healthmetrics import HealthGauges
from routing.models import Policy
from routing.resilience import Health
from tenants.keys import issue
from tenants.models import Tenant
from tests.admin import rows

LISTS = ("providers/provider", "providers/deployment", "providers/languagemodel", "routing/policy", "tenants/tenant")
pytestmark = pytest.mark.django_db


@pytest.fixture
def apart() -> Tenant:
    """One row of each kind of the drill's, or the sample's, called theirs; and one of ours."""
    for name, source in (("theirs", "drill"), ("theirs-too", "demo"), ("ours", "admin")):
        provider = rows.provider(name=name, source=source)
        Deployment.objects.create(
            provider=provider, model=LanguageModel.objects.create(name=f"model-{name}"), upstream_model="m"
        )
    Policy.objects.create(name="theirs", kind="ordered", drill=True)
    Tenant.objects.create(name="theirs", drill=True)
    return Tenant.objects.create(name="theirs-too", demo=True)


def names_in(browser, path: str, **words: str) -> set[str]:
    table = browser.get(f"/admin/{path}/", words).content.decode().partition('id="result_list"')[2]
    return set(re.findall(r"\b(?:model-)?(theirs(?:-too)?|ours)\b", table))


@pytest.mark.parametrize("path", LISTS)
def test_lists_leave_them_out_and_show_them_on_demand(path, apart, admin_client):
    assert not names_in(admin_client, path) - {"ours"}
    assert "theirs" in names_in(admin_client, path, apart="only")
    assert "ours" not in names_in(admin_client, path, apart="only")
    assert "theirs" in names_in(admin_client, path, apart="all")


def test_their_keys_are_shown_where_their_tenant_is_chosen(apart, admin_client):
    issue(apart, "ours")
    assert not names_in(admin_client, "tenants/clientkey")
    assert names_in(admin_client, "tenants/clientkey", tenant__id__exact=str(apart.pk))


def test_prometheus_counts_nothing_of_theirs_as_not_sent(apart):
    health, catalog = Health(), load_catalog()
    theirs, ours = (
        next(t for t in each.targets if t.provider == name)
        for each, name in ((catalog.seen("drill"), "theirs"), (catalog, "ours"))
    )
    for target in (theirs, ours):
        for _ in range(50):
            health.may_retry(target, 1000.0)
    HealthGauges().publish(health, catalog, 1000.0)
    counted: set[str] = {
        one.labels["provider"]
        for family in REGISTRY.collect()
        if family.name == "llm_attempts_not_sent"
        for one in family.samples
        if isinstance(one, Sample)
    }
    assert "ours" in counted and "theirs" not in counted
    assert Provider.objects.filter(name="theirs").exists()
