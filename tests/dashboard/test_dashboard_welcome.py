"""The page that strangers see first."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from providers.models import Deployment, DeploymentPrice, LanguageModel, Provider
from providers.pricerows import BEGINNING
from tests.dashboard.traffic import day, ship
from tests.people import browser_of, staff
from usage.outcomes import Outcome

pytestmark = pytest.mark.django_db


def offer(
    provider: str, model: str, source: str = "admin", usd: tuple[str, str] | None = None, **facts: object
) -> Deployment:
    upstream, _ = Provider.objects.get_or_create(
        name=provider, defaults={"wire": "openai", "base_url": "https://example.org/v1", "source": source}
    )
    named, _ = LanguageModel.objects.get_or_create(name=model)
    row = Deployment.objects.create(provider=upstream, model=named, upstream_model=model, **facts)
    if usd:
        DeploymentPrice.objects.create(deployment=row, effective_from=BEGINNING, input=usd[0], output=usd[1])
    return row


def test_without_a_provider_it_says_how_to_get_one(client):
    page = client.get("/").content.decode()
    assert "No provider yet" in page
    assert "This is a sandbox" not in page


def test_it_says_that_it_is_a_sandbox_only_while_sandbox_models_can_be_called(client):
    offer("sandbox-openai", "sandbox-mini", source="sandbox")
    assert "This is a sandbox" in client.get("/").content.decode()
    Provider.objects.update(enabled=False)
    assert "This is a sandbox" not in client.get("/").content.decode()


def test_strangers_are_told_of_the_sandbox_alone(client):
    offer("sandbox-openai", "sandbox-mini", source="sandbox")
    assert "sandbox-mini" in client.get("/").content.decode()
    offer("acme", "secret-model", usd=("1.25", "2.5"))
    for shown, told in ((client.get("/"), False), (browser_of(staff("ana")).get("/"), True)):
        page = shown.content.decode()
        for word in ("acme", "secret-model", "sandbox-mini", "$1.25", "</span>healthy</span>"):
            assert (word in page) is told, word
        assert ("Sign in" in page) is not told


def test_unknown_and_free_prices_are_told_apart(staff_client):
    offer("here", "unpriced")
    offer("here", "free", usd=("0", "0"))
    offer("here", "tiny", usd=("0.075", "2.5"), enabled=False)
    page = staff_client.get("/").content.decode()
    for text in ("—", "free", "$0.075", "$2.50", "disabled"):
        assert text in page


def failed(error: str) -> Outcome:
    """A request that sandbox-openai/sandbox-mini failed a moment ago, and nobody else was asked."""
    told = [one for one in day(datetime.now(UTC), 200, hours=0.05) if one.first_choice == "sandbox-openai/sandbox-mini"]
    found = next(one for one in told if one.attempts[0].error == error)
    return structs.replace(found, status="failed", provider=None, model=None, attempts=found.attempts[:1])


@pytest.mark.parametrize(("error", "ready"), [("Overloaded", 1), ("Unreachable", 0)])
def test_a_model_whose_last_call_failed_is_not_called_healthy(staff_client, tmp_path, error, ready):
    """Overload is one model's trouble; a server that is not there is down for all of its models."""
    offer("sandbox-openai", "sandbox-mini")
    offer("sandbox-openai", "sandbox-large")
    assert staff_client.get("/").content.decode().count("</span>healthy</span>") == 2
    ship([failed(error)], tmp_path / "spool")
    page = staff_client.get("/").content.decode()
    assert page.count("</span>healthy</span>") == ready
    assert page.count("</span>degraded</span>") == 2 - ready


def test_the_snippets_carry_this_host_and_no_key(client, settings):
    settings.ALLOWED_HOSTS = ["router.example"]
    page = client.get("/", headers={"host": "router.example"}).content.decode()
    assert "http://router.example/v1/chat/completions" in page
    assert "$NEUROROUTE_API_KEY" in page


def test_an_aggregator_of_hundreds_is_cut_and_counted(staff_client, django_assert_max_num_queries):
    for number in range(40):
        offer("many", f"model-{number:02}")
    with django_assert_max_num_queries(5):
        page = staff_client.get("/").content.decode()
    assert "40 models" in page
    assert "and 28 more" in page


def test_a_name_with_markup_is_shown_as_text(staff_client):
    offer("here", "<script>alert(1)</script>")
    page = staff_client.get("/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
