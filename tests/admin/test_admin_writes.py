"""Every way of writing configuration in the admin becomes live and leaves an audit row."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import Model, Q
from django.test import Client
from django.urls import reverse

from providers.adminbase import AuditedAdmin
from providers.models import AuditEntry, Credential, Deployment, LanguageModel, Provider
from providers.revisions import numbers
from routing.models import Policy
from routing.resets import load_resets
from tenants.models import Budget, ClientKey, Tenant
from tests.admin import rows
from tests.admin.pages import fill

CONFIGURATION = [model for model, page in admin.site._registry.items() if getattr(page, "part", None)]
NEW: dict[type[Model], Callable[[], dict[str, Any]]] = {
    Provider: lambda: {"name": "fresh", "wire": "openai", "base_url": "https://api.example.com/v1"},
    Credential: lambda: {"provider": rows.provider().pk, "name": "fresh", "secret": "sk-a-fresh-key-4712"},
    LanguageModel: lambda: {"name": "fresh"},
    Deployment: lambda: {"provider": rows.provider().pk, "model": rows.language_model().pk, "upstream_model": "up"},
    Tenant: lambda: {"name": "fresh", "default_policy": "balanced"},
    ClientKey: lambda: {"tenant": rows.tenant().pk, "name": "fresh", "tokens_per_minute": "9"},
    Policy: lambda: {"name": "fresh", "kind": "weighted", "weights_cost": "30"},
    Budget: lambda: {"tenant": rows.tenant().pk, "limit_usd": "25", "period": "month", "kind": "hard"},
}
CHANGED: dict[type[Model], dict[str, Any]] = {
    Provider: {"base_url": "https://api.example.org/v1"},
    Credential: {"name": "changed"},
    LanguageModel: {"description": "changed"},
    Deployment: {"retries": "1"},
    Tenant: {"requests_per_minute": "60"},
    ClientKey: {"name": "changed", "requests_per_day": "60"},
    Policy: {"description": "changed"},
    Budget: {"limit_usd": "30"},
}
NO_CHANGE = {"reset_health", "open_breaker", "release"}  # actions on what workers hold, not on the configuration


@pytest.mark.parametrize(("field", "word"), [("name", "auto"), ("aliases", "auto:cheap")])
def test_no_model_bears_a_name_of_the_router(operator: Client, field: str, word: str):
    given = {"name": "mine", "aliases": "small", field: word}
    answer = fill(operator, address(LanguageModel, "add"), "languagemodel_form", **given)
    (told,) = answer.context["adminform"].form.errors[field]
    assert told.startswith(f"{field.capitalize()}: {word} is a name of the router itself")
    assert not LanguageModel.objects.filter(name__in=("mine", word)).exists()


def named(model: type[Model]) -> str:
    return model._meta.model_name or ""


def address(model: type[Model], kind: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


class Watch:
    """What happens to the revision and to the audit log while a block runs."""

    def __init__(self, model: type[Model]) -> None:
        self.part = admin.site._registry[model].part

    def __enter__(self) -> "Watch":
        self.before, self.rows = numbers().get(self.part, 0), AuditEntry.objects.count()
        return self

    def __exit__(self, *error: object) -> None:
        self.bumped = numbers().get(self.part, 0) > self.before
        self.entries = list(AuditEntry.objects.order_by("id")[self.rows :])


def check(watch: Watch, action: str) -> None:
    assert watch.bumped, "the change never becomes live"
    assert watch.entries and {entry.action for entry in watch.entries} == {action}
    assert {entry.actor for entry in watch.entries} == {"ana"}
    assert watch.entries[0].address == "127.0.0.1"


def test_every_configuration_model_is_tried_here() -> None:
    assert set(CONFIGURATION) == set(NEW) == set(CHANGED)
    assert all(isinstance(admin.site._registry[model], AuditedAdmin) for model in CONFIGURATION)


@pytest.mark.parametrize("model", CONFIGURATION, ids=named)
def test_adding_a_row_becomes_live(model: type[Model], operator: Client) -> None:
    values = NEW[model]()
    with Watch(model) as watch:
        response = fill(operator, address(model, "add"), f"{named(model)}_form", **values)
    assert response.status_code in (200, 302), response.context["errors"]
    check(watch, "added")


@pytest.mark.parametrize("model", CONFIGURATION, ids=named)
def test_changing_a_row_becomes_live(model: type[Model], operator: Client) -> None:
    row = rows.ROWS[model]()
    with Watch(model) as watch:
        values = {**CHANGED[model], "reason": "cheaper so"}
        response = fill(operator, address(model, "change", row.pk), f"{named(model)}_form", **values)
    assert response.status_code == 302, response.context["errors"]
    check(watch, "changed")
    assert {entry.reason for entry in watch.entries} == {"cheaper so"}
    for field, value in CHANGED[model].items():
        assert str(watch.entries[0].changes[field][1]) == value


@pytest.mark.parametrize("model", CONFIGURATION, ids=named)
def test_saving_without_a_change_writes_no_audit_row(model: type[Model], operator: Client) -> None:
    row = rows.ROWS[model]()
    with Watch(model) as watch:
        response = fill(operator, address(model, "change", row.pk), f"{named(model)}_form")
    assert response.status_code == 302, response.context["errors"]
    assert watch.entries == []


@pytest.mark.parametrize("model", CONFIGURATION, ids=named)
def test_deleting_a_row_becomes_live(model: type[Model], operator: Client) -> None:
    row = rows.ROWS[model]()
    if isinstance(row, ClientKey):
        ClientKey.objects.update(revoked_at=row.created_at)
    with Watch(model) as watch:
        operator.post(address(model, "delete", row.pk), {"post": "yes"})
    assert not model._base_manager.filter(pk=row.pk).exists()
    check(watch, "deleted")


@pytest.mark.parametrize("model", CONFIGURATION, ids=named)
def test_every_bulk_action_becomes_live(model: type[Model], operator: Client) -> None:
    page = admin.site._registry[model]
    for action in ["delete_selected", *(set(page.actions or ()) - NO_CHANGE)]:
        chosen = [rows.ROWS[model]() for _ in range(2)]
        if action == "delete_selected" and model is ClientKey:
            ClientKey.objects.update(revoked_at=chosen[0].created_at)  # type: ignore[attr-defined]
        if action == "enable":
            model._base_manager.update(enabled=False)
        with Watch(model) as watch:
            data = {"action": action, "_selected_action": [row.pk for row in chosen], "post": "yes"}
            assert operator.post(address(model, "changelist"), data).status_code == 302, action
        check(watch, "deleted" if action == "delete_selected" else "changed")
        assert len(watch.entries) == 2, action


def test_a_credential_of_a_provider_becomes_live(operator: Client) -> None:
    row = rows.credential()
    where = address(Provider, "change", row.provider.pk)
    with Watch(Provider) as added:
        fill(
            operator,
            where,
            "provider_form",
            **{
                "credentials-TOTAL_FORMS": 2,
                "credentials-1-name": "second",
                "credentials-1-secret": "sk-another-long-one",
            },
        )
    check(added, "added")
    assert added.entries[0].changes["ciphertext"] == [None, "(secret)"]
    with Watch(Provider) as deleted:
        fill(operator, where, "provider_form", **{"credentials-0-DELETE": "on"})
    check(deleted, "deleted")
    assert list(Credential.objects.values_list("name", flat=True)) == ["second"]


def test_a_refused_form_changes_nothing(operator: Client) -> None:
    row = rows.provider()
    with Watch(Provider) as watch:
        response = fill(
            operator, address(Provider, "change", row.pk), "provider_form", base_url="http://127.0.0.1:1/v1"
        )
    assert "allow_private" in response.content.decode()
    assert not watch.bumped and watch.entries == []


def test_deployments_are_switched_on_the_page_of_their_provider(operator: Client) -> None:
    row, other = rows.deployment(), rows.deployment()
    where = address(Provider, "change", row.provider.pk)
    data = {"dataset": "ProviderDeployments", "action": "disable", "_selected_action": [row.pk, other.pk]}
    with Watch(Deployment) as watch:
        operator.post(where, data)
    check(watch, "changed")
    assert [entry.object_name for entry in watch.entries] == [str(row)]
    operator.post(where, data | {"action": "delete_selected", "post": "yes"})
    assert Deployment.objects.count() == 2 and not Deployment.objects.get(pk=row.pk).enabled


@pytest.mark.parametrize("model", [Provider, Deployment], ids=named)
def test_health_is_reset_for_the_chosen_rows(model: type[Model], operator: Client) -> None:
    row = rows.ROWS[model]()
    rows.ROWS[model]()
    chosen = {"action": "reset_health", "_selected_action": [row.pk], "post": "yes"}
    operator.post(address(model, "changelist"), chosen)
    assert [wish.scope for wish in load_resets()] == [str(row)]
    assert numbers()["health"] == 1
    assert AuditEntry.objects.get().action == "reset health"


def test_breakers_of_the_chosen_deployments_are_opened(operator: Client) -> None:
    row = rows.deployment()
    rows.deployment()
    chosen = {"action": "open_breaker", "_selected_action": [row.pk], "post": "yes"}
    operator.post(address(Deployment, "changelist"), chosen)
    assert [(wish.scope, wish.opens) for wish in load_resets()] == [(str(row), True)]
    assert AuditEntry.objects.get().action == "opened breaker"


def test_a_policy_gets_a_version_for_what_it_decides(operator: Client) -> None:
    row = rows.policy(weights={"cost": 30, "latency": 70})
    where = address(Policy, "change", row.pk)
    fill(operator, where, "policy_form", description="Other words")
    row.refresh_from_db()
    assert row.version == 1
    fill(operator, where, "policy_form", weights_cost="50")
    row.refresh_from_db()
    assert row.version == 2 and row.weights == {"cost": 50, "latency": 70, "quality": 0, "uptime": 0}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"weights_cost": "0"}, "All weights are 0"),
        ({"weights_cost": "much"}, "cost: “much” is not a number"),
        ({"kind": "pinned"}, "needs at least one name, e.g. openai/gpt-5-mini"),
        ({"client_tasks": "title"}, "“title” is not of the form name: value, e.g. title: cost-optimized"),
        ({"client_tasks": "titel: cheap"}, "titel is none of title, tags"),
        ({"client_tasks": "title: gone"}, "there is no policy gone"),
        ({"kind": "ordered", "order": "two words"}, "one name per line, e.g. openai/gpt-5-mini"),
    ],
)
def test_pitfall_10_a_wrong_policy_is_refused_with_a_good_example(
    values: dict[str, str], told: str, operator: Client
) -> None:
    row = rows.policy()
    response = fill(operator, address(Policy, "change", row.pk), "policy_form", **values)
    assert told in response.content.decode()


def test_a_policy_that_names_nobody_is_kept_with_a_warning(operator: Client) -> None:
    row = rows.deployment(provider=rows.provider(name="up"), model=rows.language_model(name="here"))
    fields = {"name": "fresh", "kind": "ordered", "order": f"{row}, up/gone\nhere"}
    fill(operator, address(Policy, "add"), "policy_form", **fields)
    assert Policy.objects.get(name="fresh").order == ["up/here", "up/gone", "here"]
    told = operator.get(address(Policy, "changelist")).content.decode()
    assert "up/gone: no enabled deployment" in told and "up/here: no enabled" not in told


def test_a_tenants_policy_is_chosen_among_those_there_are(operator: Client) -> None:
    row = rows.tenant()
    where = address(Tenant, "change", row.pk)
    response = fill(operator, where, "tenant_form", default_policy="best-qualty")
    assert "best-qualty is not one of the available choices" in response.content.decode()
    fill(operator, where, "tenant_form", default_policy="best-quality", allow_models="gpt-*, ollama/*")
    row.refresh_from_db()
    assert row.default_policy == "best-quality" and row.allow_models == ["gpt-*", "ollama/*"]


def test_an_unknown_capability_survives_an_edit(operator: Client) -> None:
    row = rows.deployment(capabilities=["tools", "audio-in"])
    fill(operator, address(Deployment, "change", row.pk), "deployment_form", retries="0")
    row.refresh_from_db()
    assert row.capabilities == ["tools", "audio-in"] and row.retries == 0


def test_an_alias_leads_to_one_model_only(operator: Client) -> None:
    rows.language_model(name="gpt-5", aliases=["latest"])
    row = rows.language_model()
    for taken in ("latest", "gpt-5"):
        where = address(LanguageModel, "change", row.pk)
        response = fill(operator, where, "languagemodel_form", aliases=taken)
        assert f"“{taken}” already leads to another model" in response.content.decode()


def test_a_password_change_leaves_an_audit_row_without_it(operator: Client) -> None:
    person = rows.user()
    where = reverse("admin:auth_user_password_change", args=[person.pk])
    fill(operator, where, None, password1="a-Long-one-4711", password2="a-Long-one-4711", usable_password="true")
    person.refresh_from_db()
    assert person.check_password("a-Long-one-4711")
    assert AuditEntry.objects.get().changes == {"password": [None, "(secret)"]}


@pytest.mark.django_db
def test_only_a_superuser_makes_a_superuser() -> None:
    manager = rows.user(username="max")
    sees_boss = Q(codename="see_every_tenant")  # else the boss would not be there at all
    manager.user_permissions.set(Permission.objects.filter(Q(content_type__app_label="auth") | sees_boss))
    browser = Client()
    browser.force_login(manager)
    where = reverse("admin:auth_user_change", args=[manager.pk])
    fields = fill(browser, where, "user_form", first_name="Max", is_superuser="on")
    manager.refresh_from_db()
    assert fields.status_code == 302 and manager.first_name == "Max" and not manager.is_superuser
    boss = User.objects.create_superuser("boss")
    assert browser.post(reverse("admin:auth_user_password_change", args=[boss.pk]), {}).status_code == 403
