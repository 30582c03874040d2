"""Every page of the admin opens, costs the same however many rows there are, and offers no huge select."""

import random
import re
from datetime import timedelta
from pathlib import Path
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
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from providers.models import Deployment, DeploymentPrice, LanguageModel, Provider
from tenants.models import ClientKey, Membership, Tenant
from tests.admin import rows
from tests.admin.rows import ROWS
from tests.dashboard.traffic import outcome, ship
from tests.people import browser_of, staff

MODELS = sorted(ROWS, key=lambda model: model._meta.label)
MOST_QUERIES = 12


def named(model: type[Model]) -> str:
    return model._meta.label


def page(model: type[Model], kind: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def test_every_registered_model_has_a_row_maker() -> None:
    assert set(admin.site._registry) == set(ROWS)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_every_page_of_a_model_opens(model: type[Model], operator: Client) -> None:
    row = ROWS[model]()
    for address in (page(model, "changelist"), page(model, "history", row.pk), page(model, "change", row.pk)):
        with CaptureQueriesContext(connection) as seen:
            assert operator.get(address).status_code == 200, address
        assert len(seen) <= MOST_QUERIES, "\n".join(query["sql"] for query in seen)  # statement 21
    assert operator.get(page(model, "add")).status_code in (200, 403)
    assert operator.get(page(model, "delete", row.pk)).status_code in (200, 403)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_pitfall_01_a_list_counts_its_rows_once_and_never_by_the_values_of_a_filter(
    model: type[Model], operator: Client
) -> None:
    """Counted twice, once without its filters, a list of ten million rows takes seconds; facets count each value."""
    ROWS[model]()
    for asked in ({}, {"q": "a"} if admin.site._registry[model].search_fields else {}):
        with CaptureQueriesContext(connection) as seen:
            assert operator.get(page(model, "changelist"), asked).status_code == 200
        own = [query["sql"] for query in seen if f'FROM "{model._meta.db_table}"' in query["sql"]]
        counts = [sql for sql in own if sql.startswith("SELECT COUNT(")]
        assert len(counts) <= 1 and not any("FILTER (WHERE" in sql for sql in counts), "\n".join(own)


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


def more(row: dict[type[Model], Any], count: int, folder: Path) -> None:
    """So many more related rows of each kind, and requests of now."""
    now, told = timezone.now(), []
    for number in range(count):
        rows.deployment(provider=row[Provider]), rows.deployment(model=row[LanguageModel])
        rows.credential(f"sk-quite-long-{rows.provider().pk:08}", provider=row[Provider], name=f"of-{folder}-{number}")
        since = now - timedelta(days=DeploymentPrice.objects.count() + 1)
        DeploymentPrice.objects.create(deployment=row[Deployment], effective_from=since, input=1, output=2)
        Membership.objects.create(tenant=row[Tenant], user=rows.user())
        rows.budget(tenant=row[Tenant])
        key = rows.client_key(tenant=row[Tenant])
        facts = {"tenant_id": key.tenant_id, "tenant": key.tenant.name, "key_prefix": key.prefix}
        key = key if number else row[ClientKey]
        said = outcome(now - timedelta(minutes=1), random.Random(number), key_id=key.pk, **facts)
        said.provider, said.model = row[Provider].name, row[LanguageModel].name
        told.append(said)
    ship(told, folder)


def test_statement_21_a_form_and_its_tabs_cost_the_same_with_three_and_with_thirty_related_rows(
    operator: Client, limited: Client, ours: Tenant, tmp_path: Path
) -> None:
    target, key = rows.deployment(), rows.client_key(tenant=ours)
    row: dict[type[Model], Any] = {type(each): each for each in (target, target.provider, target.model, ours, key)}

    def queries(client: Client) -> dict[str, list[str]]:
        """What each form and each of its tabs asks, by address."""
        found: dict[str, list[str]] = {}
        todo = [page(model, "change", each.pk) for model, each in row.items()]
        for address in todo:
            with CaptureQueriesContext(connection) as seen:
                answer = client.get(address)
            assert answer.status_code == 200, address
            found[address] = [query["sql"] for query in seen]
            todo += [tab.address for tab in (answer.context or {}).get("datasets", ()) if tab.tab]
        return found

    more(row, 3, tmp_path / "three")
    queries(operator)  # fills the caches of content types and templates
    few = queries(operator)
    more(row, 27, tmp_path / "thirty")
    many = queries(operator)
    assert len(few) == 12  # five forms, seven tabs
    for address, asked in (*many.items(), *queries(limited).items()):
        assert len(asked) <= MOST_QUERIES, "\n".join([address, *asked])
    for address, asked in many.items():
        assert len(asked) == len(few[address]), "\n".join([address, *asked])


def asked_of(select: AutocompleteMixin) -> dict[str, str]:
    """What a browser asks when somebody begins to type."""
    meta = select.field.model._meta
    return {"app_label": meta.app_label, "model_name": meta.model_name, "field_name": select.field.name, "term": "a"}


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
                if isinstance(inner, AutocompleteMixin):
                    assert operator.get(inner.get_url(), asked_of(inner)).status_code == 200  # and warns of nothing


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


@pytest.mark.django_db
def test_a_name_above_a_page_is_written_as_it_is() -> None:
    row = Tenant.objects.create(name="team-a")
    page = browser_of(staff("olga", "owner", "every tenant")).get(reverse("admin:tenants_tenant_change", args=[row.pk]))
    above = page.content.decode().split('id="header-inner"')[1].split("</h1>")[0]
    assert re.search(r">\s*team-a\s*<", above) and "Team-a" not in above
    assert re.search(r">\s*Tenants\s*<", above), "kinds of rows are capitalised"


def test_lists_count_in_plurals_and_write_a_dash_for_what_is_not_there(operator: Client) -> None:
    for model, listed in admin.site._registry.items():
        assert str(listed.opts.verbose_name_plural).endswith("s"), model
        ROWS[model]()
        table = operator.get(page(model, "changelist")).content.decode().partition('id="result_list"')[2]
        assert table and not re.search(r">\s*-\s*</", table), model
