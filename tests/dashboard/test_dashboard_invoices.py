"""A provider's invoice as CSV beside our records: read tolerantly, refused by line, compared by model, kept."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from msgspec import structs

from providers.models import Deployment, LanguageModel, Provider
from tests.dashboard.traffic import outcome, ship
from tests.people import staff
from usage.invoices import BadInvoice, Line, read_invoice
from usage.models import Invoice


def test_several_makes_are_read_and_rows_of_a_model_are_added_up():
    openai = "\ufeffLine Item,Input Tokens,Output Tokens,Amount (USD)\ngpt-x,1000,10,$0.5\n\ngpt-x,2000,,1.25 USD\n"
    assert read_invoice(openai) == [Line("gpt-x", Decimal("1.75"), 3000, 10)]
    assert read_invoice("model;cost_usd\nb;2\na;1,000.5\n") == [Line("a", Decimal("1000.5")), Line("b", Decimal(2))]
    assert read_invoice("Model\tprompt_tokens\tcompletion_tokens\nm\t5\t6\n") == [Line("m", None, 5, 6)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: no column says the model"),
        ("day,cost\n1,2\n", "line 1: no column says the model; there are: day, cost"),
        ("model,day\nm,1\n", "line 1: no column says an amount"),
        ("model,cost\n", "line 2: nothing was billed"),
        ("model,cost\nm,1\nm,much\n", "line 3: “much” is not an amount in USD"),
        ("model,cost\nm,NaN\n", "line 2: “NaN” is not an amount"),
        ("model,input tokens\nm,1e99\n", "line 2: “1e99” is not a number of tokens"),
        ("model,cost\n,1\n", "line 2: no model"),
    ],
)
def test_a_bad_line_is_named(text: str, told: str) -> None:
    with pytest.raises(BadInvoice) as refused:
        read_invoice(text)
    assert told in str(refused.value)


@pytest.fixture
def accountant(db: None) -> Client:
    person = staff("ana", "every tenant")
    person.user_permissions.add(Permission.objects.get(codename="add_invoice"))
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def billed(db: None, tmp_path: Path) -> tuple[str, Decimal]:
    """What we recorded for one model of one provider this month."""
    now, rng = datetime.now(UTC), random.Random(5)  # all of now: they are this month's also where it has begun
    told = [one for one in (outcome(now, rng) for _ in range(60)) if one.cost_nano_usd and one.provider][:5]
    told = [structs.replace(one, provider="acme", model="small") for one in told]
    ship(told, tmp_path / "spool")
    acme = Provider.objects.create(name="acme", wire="openai", base_url="https://acme.example/v1")
    small = LanguageModel.objects.create(name="small")
    Deployment.objects.create(provider=acme, model=small, upstream_model="Acme/Small-v2")
    return f"{now:%Y-%m}", Decimal(sum(one.cost_nano_usd for one in told)) / 10**9


def upload(client: Client, text: str, month: str, provider: str = "acme") -> HttpResponse:
    file = SimpleUploadedFile("invoice.csv", text.encode())
    return client.post(reverse("dashboard:invoices"), {"provider": provider, "month": month, "file": file})


def test_an_invoice_is_compared_with_the_records_and_kept(accountant: Client, billed: tuple[str, Decimal]) -> None:
    month, usd = billed
    response = upload(accountant, f"model,cost\nacme/small-v2,{usd + 3}\nunheard-of,2\n", month)
    assert response.status_code == 302
    page = accountant.get(response.url).content.decode()
    assert f"{usd:.4f}" in page and f"{usd + 3:.4f}" in page and "3.0000" in page and "differs" in page
    assert "unheard-of" in page and f"{usd + 5:.4f}" in page
    assert f"acme {month}" in accountant.get(reverse("dashboard:invoices")).content.decode()


@pytest.mark.parametrize(
    ("text", "month", "provider", "told"),
    [
        ("model,cost\nm,much\n", "2026-11", "acme", "line 2: “much” is not an amount in USD"),
        ("model,cost\nm,1\n", "November", "acme", "the month is written as 2026-11"),
        ("model,cost\nm,1\n", "2026-11", "nobody", "choose a provider"),
    ],
)
def test_what_cannot_be_imported_is_said(accountant: Client, billed, text, month, provider, told) -> None:
    response = upload(accountant, text, month, provider)
    assert response.status_code == 422 and told in response.content.decode()
    assert not Invoice.objects.exists()


def test_who_may_not_add_invoices_only_looks(staff_client: Client, billed: tuple[str, Decimal]) -> None:
    assert upload(staff_client, "model,cost\nm,1\n", "2026-11").status_code == 403
    assert staff_client.get(reverse("dashboard:invoices")).status_code == 200
