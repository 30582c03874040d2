"""Who may ask in the playground, and what: two tenants with models, and an operator of one of them."""

import pytest
from django.core.cache import cache

from providers.models import Deployment, LanguageModel, Provider
from tenants.models import Tenant
from tests.people import browser_of, staff

KEY = "/dashboard/playground/key/"


@pytest.fixture(autouse=True)
def uncounted():
    cache.clear()


@pytest.fixture
def teams():
    """Two tenants, and a model that they may ask."""
    provider = Provider.objects.create(name="here", wire="openai", base_url="https://example.org/v1")
    for name in ("large", "small"):
        Deployment.objects.create(provider=provider, model=LanguageModel.objects.create(name=name), upstream_model=name)
    return Tenant.objects.create(name="team-a"), Tenant.objects.create(name="team-b", allow_models=["small"])


@pytest.fixture
def ana(teams):
    """An operator of team-a."""
    return staff("ana", "operator", tenants=(teams[0],))


def key_for(person, tenant="team-a"):
    return browser_of(person).post(KEY, {"tenant": tenant})
