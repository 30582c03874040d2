"""Every page of the admin opens, costs the same however many rows there are, and offers no huge select."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteMixin
from django.db import connection
from django.db.models import Model
from django.forms import HiddenInput, ModelChoiceField
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from tests.admin.rows import ROWS

MODELS = sorted(ROWS, key=lambda model: model._meta.label)


def named(model: type[Model]) -> str:
    return model._meta.label


def page(model: type[Model], kind: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def test_every_registered_model_has_a_row_maker() -> None:
    assert set(admin.site._registry) == set(ROWS)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_every_page_of_a_model_opens(model: type[Model], operator: Client) -> None:
    row = ROWS[model]()
    for address in (page(model, "changelist"), page(model, "change", row.pk), page(model, "history", row.pk)):
        assert operator.get(address).status_code == 200, address
    assert operator.get(page(model, "add")).status_code in (200, 403)
    assert operator.get(page(model, "delete", row.pk)).status_code in (200, 403)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_pitfall_02_a_list_of_thirty_costs_the_queries_of_a_list_of_three(model: type[Model], operator: Client) -> None:
    def queries_with(rows: int) -> list[str]:
        for _ in range(rows):
            ROWS[model]()
        with CaptureQueriesContext(connection) as seen:
            assert operator.get(page(model, "changelist")).status_code == 200
        return [query["sql"] for query in seen]

    queries_with(3)  # the first page fills the caches of content types and templates
    few, many = queries_with(0), queries_with(27)
    assert len(many) == len(few), "\n".join(many)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_pitfall_03_a_related_row_is_chosen_by_typing(model: type[Model], operator: Client) -> None:
    response = operator.get(page(model, "add"))
    forms = [response.context["adminform"].form] if response.status_code == 200 else []
    forms += (
        [inline.formset.empty_form for inline in response.context.get("inline_admin_formsets", [])] if forms else []
    )
    for form in forms:
        for name, field in form.fields.items():
            if isinstance(field, ModelChoiceField):
                inner = getattr(field.widget, "widget", field.widget)
                assert isinstance(inner, AutocompleteMixin | UnfoldAdminSelect2MultipleWidget | HiddenInput), name


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_a_viewer_sees_and_cannot_change(model: type[Model], viewer: Client) -> None:
    row = ROWS[model]()
    assert viewer.get(page(model, "changelist")).status_code == 200
    assert viewer.get(page(model, "change", row.pk)).status_code == 200
    for address in (page(model, "add"), page(model, "change", row.pk), page(model, "delete", row.pk)):
        assert viewer.post(address, {"post": "yes"}).status_code == 403, address
    refused = viewer.post(
        page(model, "changelist"), {"action": "delete_selected", "_selected_action": row.pk, "index": 0}
    )
    assert model._base_manager.filter(pk=row.pk).exists() and refused.status_code in (200, 302)
