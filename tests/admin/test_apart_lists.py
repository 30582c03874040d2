"""What the drill and the sample traffic bring along is in no list of the admin, until a filter asks for it."""

import re

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.samples import Sample

from profiling.models import LatencyProfile, TokenCalibration
from providers.apartfilter import LeavesOutApart
from providers.catalog import load_catalog
from providers.models import Deployment, LanguageModel, Provider
from routing.healthmetrics import HealthGauges
from routing.resilience import Health
from tenants.models import Tenant
from tests.admin import everywhere, rows

PAGES = [page for page in admin.site._registry.values() if isinstance(page, LeavesOutApart)]
pytestmark = pytest.mark.django_db


@pytest.fixture
def apart() -> Tenant:
    """One row of each kind of the drill's, and of the sample's where there are such, called theirs; and one of ours."""
    made = {}
    for name, source in (("theirs", "drill"), ("theirs-too", "demo"), ("ours", "admin")):
        provider, model = rows.provider(name=name, source=source), rows.language_model(name=f"model-{name}")
        deployment = rows.deployment(provider=provider, model=model)
        rows.credential(provider=provider)
        profiled(deployment)
        rows.price_proposal(deployment=deployment)
        made[name] = tenant = rows.tenant(name=name, drill=source == "drill", demo=source == "demo")
        rows.client_key(tenant=tenant)
        rows.budget(tenant=tenant)
        rows.receiver(tenant=tenant)
        for said in (rows.rating(), rows.evaluation()):
            rows.of_tenant(said, tenant)
        rows.policy(name=name, drill=source != "admin")
    return made["theirs-too"]


def profiled(deployment: Deployment) -> None:
    now = timezone.now()
    LatencyProfile.objects.create(deployment=deployment, hours=1, attempts=9, answered=9, measured_at=now)
    TokenCalibration.objects.create(model=deployment.model, factor=1, pairs=9, typical_error=0, measured_at=now)


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\b(?:model-)?(theirs(?:-too)?|ours)\b", text))


def listed(browser, page: LeavesOutApart, **words: str) -> set[str]:
    where = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
    return names_in(browser.get(where, words).content.decode().partition('id="result_list"')[2])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.opts.model_name)
def test_lists_leave_them_out_and_show_them_on_demand(page, apart, admin_client):
    assert listed(admin_client, page) == {"ours"}
    assert listed(admin_client, page, apart="only") == {"theirs", "theirs-too"}
    assert listed(admin_client, page, apart="all") == {"ours", "theirs", "theirs-too"}


def test_every_page_of_what_has_a_tenant_or_a_provider_leaves_them_out(db):
    for model, page in admin.site._registry.items():
        owners = {getattr(field, "related_model", None) for field in model._meta.fields}
        if owners & {Tenant, Provider, Deployment, LanguageModel}:
            assert isinstance(page, LeavesOutApart), model


def test_no_choice_and_no_search_offers_them(apart, admin_client):
    for field in everywhere.choices():
        found = admin_client.get(reverse("admin:autocomplete"), field | {"term": ""}).json()["results"]
        assert not {name for row in found for name in names_in(row["text"])} - {"ours"}, field
    said = admin_client.get(reverse("admin:search"), {"s": "theirs", "extended": "1"}).content.decode()
    assert "/change/" not in said
    assert "/change/" in admin_client.get(reverse("admin:search"), {"s": "ours", "extended": "1"}).content.decode()


@pytest.mark.parametrize("path", ["tenants/clientkey", "tenants/budget"])
def test_their_rows_are_shown_where_their_tenant_is_chosen(path, apart, admin_client):
    shown = admin_client.get(f"/admin/{path}/", {"tenant__id__exact": str(apart.pk)}).content.decode()
    assert names_in(shown.partition('id="result_list"')[2]) == {"theirs-too"}


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
