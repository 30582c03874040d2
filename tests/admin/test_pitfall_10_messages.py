"""Pitfall 10: what is refused on a form is told at its field, with the value that was typed and a good example."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from providers.models import LanguageModel, Provider
from tenants.models import Budget, ClientKey, Tenant
from tests.admin import rows
from tests.admin.pages import fill, page

ROWS: dict[type[Any], Callable[[], Any]] = {
    Tenant: rows.tenant,
    ClientKey: rows.client_key,
    Provider: rows.provider,
    LanguageModel: rows.language_model,
    Budget: rows.budget,
}


@pytest.mark.parametrize(
    ("model", "field", "typed", "value", "good"),
    [
        (Tenant, "time_zone", "Mars/Olympus", "Mars/Olympus", "e.g. UTC"),
        (Tenant, "allow_models", "gpt 5", "“gpt 5”", "e.g. gpt-*"),
        (Tenant, "allow_policies", "two words", "“two words”", "e.g. *"),
        (ClientKey, "allow_models", "gpt 5", "“gpt 5”", "e.g. gpt-*"),
        (ClientKey, "allow_policies", "two words", "“two words”", "e.g. balanced"),
        (Provider, "base_url", "ftp://acme.example", "ftp:", "https://"),
        (Provider, "headers", "nonsense", "“nonsense”", "e.g. "),
        (LanguageModel, "aliases", "a b", "“a b”", "e.g. "),
        (LanguageModel, "category_quality", "coding: high", "“coding: high”", "e.g. "),
        (Budget, "alerts", "half", "half", "e.g. 50, 80, 100"),
        (Budget, "alerts", "0, 80", "0", "e.g. 50, 80, 100"),
    ],
    ids=lambda part: part.__name__ if isinstance(part, type) else None,
)
def test_pitfall_10_a_message_has_its_field_the_value_and_a_good_example(
    model: type[Any], field: str, typed: str, value: str, good: str, operator: Client
) -> None:
    meta = model._meta
    where = page(f"{meta.app_label}_{meta.model_name}", "change", ROWS[model]().pk)
    answer = fill(operator, where, f"{meta.model_name}_form", **{field: typed})
    assert answer.status_code == 200
    told = " ".join(answer.context["adminform"].form.errors.get(field, []))
    assert value in told and good in told, told


@pytest.mark.parametrize(
    ("typed", "why"), [("", "This field is required."), (f"https://{'a' * 500}.example", "at most 500 characters")]
)
def test_a_base_url_that_its_field_refuses_is_refused_once(typed: str, why: str, operator: Client) -> None:
    words = {"name": "acme", "wire": "openai", "base_url": typed}
    answer = fill(operator, page("providers_provider", "add"), "provider_form", **words)
    (told,) = answer.context["adminform"].form.errors["base_url"]
    assert why in told and "must start with" not in told


@pytest.mark.parametrize("task", ["", "x" * 201, "a task\0"])
def test_a_schedule_with_a_task_that_cannot_be_is_refused_at_its_field(task: str, operator: Client) -> None:
    where = page("django_celery_beat_periodictask", "add")
    answer = fill(operator, where, "periodictask_form", name="nightly", task=task)
    assert answer.status_code == 200 and answer.context["adminform"].form.errors["task"]
