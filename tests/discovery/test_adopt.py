"""Adopting what was found: rows are made once, an operator's edits stay, workers reload only after a change."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from providers.adoption import CREDENTIAL, adopt
from providers.found import FoundModel, FoundProvider
from providers.models import Credential, Deployment, DeploymentPrice, LanguageModel, Provider
from providers.pricerows import BEGINNING
from providers.revisions import CATALOG, numbers
from providers.rotation import rotate
from providers.secrets import seal, unseal

pytestmark = pytest.mark.django_db

KNOWN = FoundModel(
    "gpt-5-mini", "gpt-5-mini", input_price="0.25", output_price="2", capabilities=("tools",), quality=0.8
)
DATED = FoundModel("claude-x-2025", "claude-x", aliases=("claude-x-2025",), enabled=False)


def real(name: str = "openai", *models: FoundModel, secret: str | None = "sk-1234567890abcd") -> FoundProvider:
    return FoundProvider(name, "openai", f"https://{name}.example/v1", "discovered", secret, models=models or (KNOWN,))


def sandbox(port: int = 9101) -> FoundProvider:
    model = FoundModel("sandbox-mini")
    url = f"http://127.0.0.1:{port}/v1"
    return FoundProvider("sandbox-openai", "openai", url, "sandbox", allow_private=True, models=(model,))


def revision() -> int:
    return numbers().get(CATALOG, 0)


def test_a_find_becomes_rows() -> None:
    adopted = adopt([real()])
    deployment = Deployment.objects.select_related("provider", "model").get()
    assert str(deployment) == "openai/gpt-5-mini"
    price = deployment.prices.get()
    assert (price.input, price.output, price.effective_from) == (Decimal("0.25"), Decimal(2), BEGINNING)
    assert (deployment.capabilities, deployment.enabled, deployment.model.quality) == (["tools"], True, 0.8)
    assert deployment.provider.source == "discovered"
    credential = Credential.objects.get()
    assert (unseal(bytes(credential.ciphertext)), credential.last_four) == ("sk-1234567890abcd", "abcd")
    assert (adopted.providers, adopted.deployments, adopted.lines) == (1, 1, ["openai: 1 model added"])
    assert revision() == 1


def test_adopting_again_changes_nothing() -> None:
    finds = [real("openai", KNOWN, DATED), real("other", KNOWN, DATED), sandbox()]
    adopt(finds)
    before = revision()
    again = adopt(finds)
    assert not again.changed and again.lines == []
    assert revision() == before


def test_what_an_operator_edited_stays() -> None:
    adopt([real()])
    Deployment.objects.update(enabled=False, context=1000)
    DeploymentPrice.objects.update(input=Decimal(9))
    LanguageModel.objects.update(quality=0.1)
    Provider.objects.update(enabled=False, headers={"X-Title": "mine"})
    adopt([real()])
    deployment = Deployment.objects.select_related("provider", "model").get()
    assert (deployment.enabled, deployment.prices.get().input, deployment.context) == (False, Decimal(9), 1000)
    assert (deployment.model.quality, deployment.provider.enabled) == (0.1, False)


def test_a_provider_that_an_operator_entered_is_left_alone() -> None:
    Provider.objects.create(name="openai", wire="openai", base_url="https://proxy.example/v1", source="admin")
    adopted = adopt([real()])
    assert Provider.objects.get().base_url == "https://proxy.example/v1"
    assert not Deployment.objects.exists() and not Credential.objects.exists()
    assert not adopted.changed


def test_a_new_key_and_address_are_taken_over() -> None:
    adopt([real()])
    Credential.objects.create(provider=Provider.objects.get(), name="mine", ciphertext=seal("sk-mine"))
    moved = FoundProvider(
        "openai", "openai", "https://eu.example/v1", "discovered", "sk-new-0123456789", models=(KNOWN,)
    )
    before = revision()
    adopt([moved])
    assert Provider.objects.get().base_url == "https://eu.example/v1"
    keys = {row.name: unseal(bytes(row.ciphertext)) for row in Credential.objects.all()}
    assert keys == {CREDENTIAL: "sk-new-0123456789", "mine": "sk-mine"}
    assert revision() == before + 1


def test_a_credential_that_no_key_opens_is_replaced() -> None:
    adopt([real()])
    Credential.objects.update(ciphertext=b"sealed with a key that is lost")
    adopt([real()])
    assert unseal(bytes(Credential.objects.get().ciphertext)) == "sk-1234567890abcd"


def test_new_models_are_added_later() -> None:
    adopt([real()])
    adopted = adopt([real("openai", KNOWN, FoundModel("gpt-9"))])
    assert adopted.deployments == 1
    assert Deployment.objects.count() == 2


def test_the_same_model_at_two_providers_is_one_model() -> None:
    adopt([real("openai"), real("openrouter", FoundModel("openai/gpt-5-mini", "gpt-5-mini", ("openai/gpt-5-mini",)))])
    model = LanguageModel.objects.get()
    assert {str(deployment) for deployment in model.deployments.all()} == {"openai/gpt-5-mini", "openrouter/gpt-5-mini"}


def test_a_name_that_is_anothers_alias_leads_to_that_model() -> None:
    adopt([real("a", DATED)])
    adopt([real("b", FoundModel("claude-x-2025"))])
    assert LanguageModel.objects.get().aliases == ["claude-x-2025"]
    assert Deployment.objects.get(provider__name="b").model.name == "claude-x"
    assert not adopt([real("a", DATED), real("b", FoundModel("claude-x-2025"))]).changed


@pytest.mark.parametrize("price", ["-1000000", "NaN", "free", "1e12"])
def test_a_price_that_is_none_is_unknown(price: str) -> None:
    adopt([real("openai", FoundModel("odd", input_price=price, output_price="1"))])
    assert not Deployment.objects.get().prices.exists()


def test_the_sandbox_gives_way_to_a_real_upstream() -> None:
    adopt([sandbox()])
    adopted = adopt([real()])
    assert not Provider.objects.get(name="sandbox-openai").enabled
    assert any("sandbox is switched off" in line for line in adopted.lines)


def test_the_sandbox_stays_beside_a_real_upstream_when_asked_for() -> None:
    adopt([sandbox()])
    adopt([real(), sandbox()], keep_sandbox=True)
    assert Provider.objects.get(name="sandbox-openai").enabled


def test_the_sandbox_comes_back_when_nothing_else_is_left() -> None:
    adopt([sandbox()])
    adopt([real()])
    assert not adopt([sandbox()]).switched
    Provider.objects.filter(name="openai").delete()
    adopted = adopt([sandbox()])
    assert Provider.objects.get(name="sandbox-openai").enabled
    assert any("switched on" in line for line in adopted.lines)


def test_the_sandbox_follows_its_port() -> None:
    adopt([sandbox(9101)])
    adopt([sandbox(9333)])
    assert Provider.objects.get().base_url == "http://127.0.0.1:9333/v1"


def test_an_upstream_without_models_does_not_send_the_sandbox_away() -> None:
    adopt([sandbox()])
    empty = FoundProvider("openrouter", "openai", "https://openrouter.example/v1", "discovered", "k")
    adopt([empty])
    assert Provider.objects.get(name="sandbox-openai").enabled


def test_a_key_that_was_rotated_out_does_not_come_back_from_the_environment() -> None:
    adopt([real()])
    rotate(Credential.objects.get(), "sk-typed-by-an-operator", timedelta(0), timezone.now())
    assert not adopt([real()]).changed
    assert unseal(Credential.objects.get(name=CREDENTIAL).ciphertext) == "sk-typed-by-an-operator"
    assert adopt([real(secret="sk-a-third-in-the-environment")]).refreshed == 1
