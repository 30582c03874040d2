"""What the resilience drill brings along is for the drill alone, and nothing else is for the drill."""

import pytest

from providers.catalog import load_catalog
from providers.models import Deployment, LanguageModel, Provider
from routing.api.models import ListingBook
from routing.configfile.exporting import export
from routing.errors import UnknownModel
from routing.models import Policy
from routing.policybook import load_policies
from tenants.callers import Caller
from tenants.keyring import load_keyring
from tenants.keys import digest, issue
from tenants.models import Tenant
from tests.routing.factories import CALLER, Desk, asked

pytestmark = pytest.mark.django_db
DRILL = Caller(2, "resilience drill", 2, "drill", "nr-def", default_policy="drill", realm="drill")


@pytest.fixture
def desk():
    """A deployment of ours and one of the drill's, and a policy of the drill's."""
    for name, source in (("ours", "admin"), ("theirs", "drill")):
        provider = Provider.objects.create(name=name, wire="openai", base_url="http://x", source=source)
        model = LanguageModel.objects.create(name=f"model-of-{name}")
        Deployment.objects.create(provider=provider, model=model, upstream_model="m", context=1000)
    Policy.objects.create(name="drill", kind="ordered", drill=True)
    Tenant.objects.create(name="resilience drill", drill=True)
    found = Desk()
    found.catalog, found.book = load_catalog(), load_policies()
    return found


def test_auto_leads_each_to_its_own(desk):
    assert desk.order(asked()) == ["ours/model-of-ours"]
    assert desk.order(asked(), DRILL) == ["theirs/model-of-theirs"]


@pytest.mark.parametrize("name", ["model-of-theirs", "theirs/model-of-theirs"])
def test_nobody_else_can_name_a_deployment_of_the_drill(desk, name):
    with pytest.raises(UnknownModel) as refused:
        desk.order(asked(model=name))
    assert "nearest: theirs" not in refused.value.message and "nearest: model-of-theirs" not in refused.value.message


def test_the_drill_cannot_call_what_costs_money(desk):
    with pytest.raises(UnknownModel):
        desk.order(asked(model="ours/model-of-ours"), DRILL)


def test_policies_are_kept_apart_too(desk):
    with pytest.raises(UnknownModel):
        desk.order(asked(model="auto:drill"))
    with pytest.raises(UnknownModel):
        desk.order(asked(model="auto:balanced"), DRILL)


def test_a_drill_that_is_over_finds_nothing(desk):
    Provider.objects.filter(source="drill").delete()
    assert load_catalog().seen("drill").targets == ()


def test_each_sees_its_own_in_the_list_of_models(desk):
    class Now:
        class catalog:
            current = desk.catalog

        class policies:
            current = desk.book

    book = ListingBook()
    assert {"model-of-ours", "auto:balanced"} <= set(book.listing(Now, CALLER).each)
    assert not {"model-of-theirs", "auto:drill"} & set(book.listing(Now, CALLER).each)
    assert set(book.listing(Now, DRILL).each) == {"auto", "auto:drill", "model-of-theirs"}


def test_the_key_of_the_drill_s_tenant_says_whose_it_is():
    keys = [
        issue(Tenant.objects.create(name=name, drill=drill), "ci")[1] for name, drill in (("t", False), ("d", True))
    ]
    callers = load_keyring().callers
    assert [callers[digest(key)].realm for key in keys] == ["", "drill"]


def test_an_export_knows_nothing_of_it(desk):
    text = export()
    assert "model-of-ours" in text
    assert "theirs" not in text and "drill" not in text
