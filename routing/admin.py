"""Admin pages of policies, and what routing adds to those of others: a tenant's choice of policy, health resets."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from profiling.compareadmin import ComparesModels
from profiling.importadmin import ImportsModels
from profiling.provideradmin import TestsConnection
from providers import bulk
from providers.admin import DeploymentAdmin, LanguageModelAdmin, ProviderAdmin
from providers.adminbase import ReadOnlyAdmin, Switchable, question, reason_of
from providers.apartfilter import LeavesOutApart
from providers.catalog import Catalog, load_catalog
from providers.credentialadmin import CredentialInline
from providers.formfields import LinesField, MappingField, reason_field
from providers.models import Credential, Deployment, LanguageModel, Provider
from providers.revisions import POLICIES
from routing import resets
from routing.attention import standing
from routing.features.client_task import TASKS
from routing.healthnow import health_now
from routing.models import DrillRun, Policy
from routing.policybook import EVERY_TASK, SHORT_NAMES
from routing.policyforms import BudgetPolicyForm, TenantPolicyForm
from routing.versionadmin import VersionPages
from routing.weightsfield import WeightsField
from tenants.budgetadmin import BudgetAdmin
from tenants.models import Budget, Tenant
from tenants.tenantadmin import TenantAdmin
from usage.admin import CredentialUse
from usage.adminhistory import InHistory


def task_policy(task: str, policy: str) -> str:
    """A `MappingField` conversion: the policy that takes a front end's chore."""
    if task not in (*TASKS, EVERY_TASK):
        raise ValueError(f"{task} is none of {', '.join(TASKS)} and *")
    if policy not in SHORT_NAMES and not Policy.objects.filter(name=policy).exists():
        raise ValueError(f"there is no policy {policy}")
    return policy


class PolicyForm(forms.ModelForm):
    weights = WeightsField(required=False, help_text="Only their proportions count: 30, 40, 30 is the same as 3, 4, 3.")
    order = LinesField(
        good="openai/gpt-5-mini",
        required=False,
        help_text="provider/model, provider or model, one per line, e.g. openai/gpt-5-mini",
    )

    client_tasks = MappingField(
        label="Background tasks of front ends",
        convert=task_policy,
        good="title: cost-optimized",
        required=False,
        help_text=f"Which policy takes them, one per line, e.g. *: cost-optimized. Known: {', '.join(TASKS)}.",
    )

    reason = reason_field("Kept in the audit log, and with the version where the change makes one.")

    class Meta:
        model = Policy
        fields = ["name", "kind", "weights", "order", "client_tasks", "recovery", "hedging", "description", "enabled"]
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def clean_weights(self) -> dict[str, float]:
        """As stored where nothing was typed: an unnamed weight and a 0 mean the same."""
        return self.cleaned_data["weights"] if "weights" in self.changed_data else self.instance.weights

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == "weighted" and "weights" in data and not any(data["weights"].values()):
            self.add_error("weights", "All weights are 0: nothing could be ordered. Give at least one, e.g. cost 30.")
        if data.get("kind") == "pinned" and not data.get("order"):
            self.add_error("order", "A pinned policy needs at least one name, e.g. openai/gpt-5-mini.")
        return data


@admin.register(Policy)
class PolicyAdmin(LeavesOutApart, VersionPages, Switchable):
    theirs = Q(drill=True)
    part = POLICIES
    form = PolicyForm
    list_display = ["name", "kind", "setting", "enabled", "version", "updated_at"]
    list_filter = ["enabled", "kind"]
    search_fields = ["name", "description"]
    readonly_fields = ["version", "updated_at"]
    fieldsets = [
        (None, {"fields": [("name", "kind"), "weights", "order", "client_tasks", "description", "enabled"]}),
        ("When a stream is late or breaks off", {"fields": [("hedging", "recovery")]}),
        (None, {"fields": ["reason", ("version", "updated_at")]}),
    ]
    conditional_fields = {"order": "kind == 'ordered' || kind == 'pinned'", "weights": "kind != 'pinned'"}

    @display(description="Weights or order")
    def setting(self, row: Policy) -> str:
        if row.order:
            return ", ".join(row.order)
        return ", ".join(f"{scorer} {weight:g}" for scorer, weight in row.weights.items() if weight) or "—"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A warning for names that lead nowhere yet."""
        for name in _unserved(obj.order, load_catalog()) if obj.order else ():
            messages.warning(
                request, f"{name}: no enabled deployment has this name now; it is passed over until one has."
            )
        super().save_model(request, obj, form, change)


def _unserved(order: Iterable[str], catalog: Catalog) -> list[str]:
    known = {*catalog.by_name, *catalog.by_model, *(target.provider for target in catalog.targets)}
    return [name for name in order if name not in known]


@admin.register(DrillRun)
class DrillRunAdmin(ReadOnlyAdmin):
    """All drills there have been; the page at /dashboard/drill/ shows their scorecards."""

    list_display = ["asked_at", "asked_by", "result", "pace", "started_at", "finished_at"]
    fields = [("asked_at", "asked_by"), ("scenarios", "pace"), "result", "message", ("started_at", "finished_at")]
    readonly_fields = ["result"]

    @display(description="Passed")
    def result(self, row: DrillRun) -> str:
        return f"{sum(bool(score['passed']) for score in row.scores)} of {len(row.scenarios)}"


@bulk.deed("open breaker")
def open_breaker(row: Any, wish: Mapping[str, Any], note: bulk.Note) -> bool:
    """Make every worker leave a deployment alone for the longest cooldown."""
    resets.ask(str(row), opens=True)
    note("opened breaker", row, {})
    return True


@bulk.deed("reset health")
def reset_health(row: Any, wish: Mapping[str, Any], note: bulk.Note) -> bool:
    """Make every worker forget what it remembers of a provider or a deployment."""
    resets.ask(str(row))  # a provider's name, or provider/model
    note("reset health", row, {})
    return True


class HealthResets:
    """A bulk action: cooldowns and barred credentials of the chosen rows are forgotten in every worker."""

    @admin.action(description="Reset health", permissions=["change"])
    def reset_health(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """The question first; with the answer, the deed."""
        if "post" not in request.POST:
            effect = "Forgets cooldowns, open breakers and barred credentials, in every worker"
            return question(self, request, queryset, "Reset health of", effect, danger=False)  # type: ignore[arg-type]
        done = self.act(request, queryset, "reset health", reason=reason_of(request))  # type: ignore[attr-defined]
        text = f"Health of {done.changed} forgotten; every worker follows within a second."
        self.tell(request, done, text)  # type: ignore[attr-defined]
        return None


for extended in (Budget, Tenant, Provider, Deployment, LanguageModel):
    admin.site.unregister(extended)


@admin.register(Tenant)
class TenantWithPolicyAdmin(InHistory, TenantAdmin):
    word = "tenant"
    form = TenantPolicyForm


@admin.register(Budget)
class BudgetWithPolicyAdmin(BudgetAdmin):
    form = BudgetPolicyForm


class RoutedCredentialInline(CredentialUse, CredentialInline):
    """A refused key says so in its own row."""

    fields = [*CredentialInline.fields, "last_used", "standing"]
    readonly_fields = [*CredentialInline.readonly_fields, "last_used", "standing"]

    @display(description="Now")
    def standing(self, row: Credential) -> str:
        return standing(health_now(), row.pk) if row.pk else "—"


@admin.register(Provider)
class RoutedProviderAdmin(InHistory, HealthResets, TestsConnection, ImportsModels, ComparesModels, ProviderAdmin):
    word = "provider"
    actions_detail = [
        "test_connection",
        {"title": "Models", "icon": "neurology", "items": ["import_listed", "compare_listed", "add_deployment"]},
    ]
    inlines = [RoutedCredentialInline if each is CredentialInline else each for each in ProviderAdmin.inlines]
    actions = [*ProviderAdmin.actions, "reset_health"]


@admin.register(Deployment)
class RoutedDeploymentAdmin(InHistory, HealthResets, DeploymentAdmin):
    actions = [*DeploymentAdmin.actions, "open_breaker", "reset_health"]

    @admin.action(description="Open breaker", permissions=["switch_off"])
    def open_breaker(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """The question first; with the answer, the deed."""
        if "post" not in request.POST:
            effect = "Sends nothing there for a minute, in every worker"
            return question(self, request, queryset, "Open breaker of", effect)
        done = self.act(request, queryset, "open breaker", reason=reason_of(request))
        self.tell(request, done, f"{done.changed} left alone for a minute; every worker follows within a second.")
        return None

    def words_of(self, row: Deployment) -> dict[str, str]:
        return {"provider": row.provider.name, "model": row.model.name}


@admin.register(LanguageModel)
class RoutedModelAdmin(InHistory, LanguageModelAdmin):
    word = "model"
