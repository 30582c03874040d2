"""Admin pages of what can be called: providers, models, deployments."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.datasets import BaseDataset
from unfold.decorators import action, display

from providers.adminbase import AuditedAdmin, Switchable
from providers.adminforms import DeploymentForm, LanguageModelForm, ProviderForm
from providers.admininside import ListedInside
from providers.apartfilter import LeavesOutApart, of_provider
from providers.barred import takes
from providers.credentialadmin import CredentialInline
from providers.models import Deployment, LanguageModel, Provider
from providers.priceadmin import PriceColumns, PriceFilter, PriceInline
from providers.prices import with_prices
from providers.proposaladmin import PriceProposalAdmin  # noqa: F401 - registers itself
from providers.revisions import CATALOG

SKILLS = ["capabilities", ("context", "max_output"), ("unsupported", "quantization")]


class DeploymentColumns(PriceColumns):
    """What a list of deployments shows."""

    @display(description="Deployment", ordering="model__name")
    def served(self, row: Deployment) -> str:
        return str(row)

    @display(description="Context, tokens", ordering="context")
    def window(self, row: Deployment) -> str:
        return "—" if row.context is None else f"{row.context:,}"

    @display(description="Skills")
    def skills(self, row: Deployment) -> str:
        return ", ".join(row.capabilities) or "—"

    @display(description="Retries", ordering="retries")
    def tries(self, row: Deployment) -> int:
        return row.retries


class DeploymentList(ListedInside, DeploymentColumns, Switchable):
    """Deployments inside another page, to switch on and off."""

    part = CATALOG

    list_display = ["served", "enabled", "price", "window", "skills"]
    list_display_links = ["served"]
    search_fields = ["model__name", "upstream_model"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_prices(super().get_queryset(request), timezone.now()).select_related("provider", "model")


class DeploymentsOfProvider(DeploymentList):
    owner = "provider_id"


class DeploymentsOfModel(DeploymentList):
    owner = "model_id"


class ProviderDeployments(BaseDataset):
    model = Deployment
    model_admin = DeploymentsOfProvider


class ModelDeployments(BaseDataset):
    model = Deployment
    model_admin = DeploymentsOfModel


@admin.register(Provider)
class ProviderAdmin(LeavesOutApart, Switchable):
    theirs = of_provider("")
    part = CATALOG
    ordering = ["name"]  # the model's own is lost where keys and models are counted
    form = ProviderForm
    inlines = [CredentialInline]
    change_form_datasets = [ProviderDeployments]
    actions_detail: ClassVar[list[Any]] = ["add_deployment"]
    list_display = ["name", "wire", "address", "enabled", "origin", "keys", "models"]
    list_filter = ["enabled", "source", "local"]
    search_fields = ["name", "base_url"]
    readonly_fields = ["source", "created_at", "updated_at"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "wire",
                    "base_url",
                    "allow_private",
                    ("enabled", "local"),
                    "data_policy",
                    "headers",
                    "reason",
                ]
            },
        ),
        ("Origin", {"fields": ["source", ("created_at", "updated_at")], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.annotate(
            keys_count=Count("credentials", distinct=True), models_count=Count("deployments", distinct=True)
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Stored keys go to whoever answers at the address: who may not replace them does not move it."""
        moves = obj is None or not obj.keys_count or request.user.has_perm("providers.change_credential")
        return self.readonly_fields if moves else [*self.readonly_fields, "base_url"]

    @display(description="Base URL", ordering="base_url")
    def address(self, row: Provider) -> str:
        return row.base_url

    @display(description="Origin", ordering="source", label={"sandbox": "warning", "discovered": "info"})
    def origin(self, row: Provider) -> tuple[str, str]:
        return row.source, row.get_source_display()

    @display(description="Keys", ordering="keys_count")
    def keys(self, row: Any) -> int:
        return row.keys_count

    @display(description="Models", ordering="models_count")
    def models(self, row: Any) -> int:
        return row.models_count

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep typed keys out of error reports."""
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if {"wire", "base_url"} & set(form.changed_data):
            obj.source = Provider.Source.ADMIN  # discovery leaves what an operator has entered alone
        super().save_model(request, obj, form, change)

    @action(description="Add deployment", url_path="add-deployment", icon="add", permissions=["change"])
    def add_deployment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        provider = self.row(request, object_id)
        return HttpResponseRedirect(f"{reverse('admin:providers_deployment_add')}?provider={provider.pk}")


@admin.register(LanguageModel)
class LanguageModelAdmin(LeavesOutApart, AuditedAdmin):
    theirs = of_provider("deployments__provider__")
    part = CATALOG
    ordering = ["name"]  # as of providers
    form = LanguageModelForm
    change_form_datasets = [ModelDeployments]
    list_display = ["name", "also_called", "quality", "served_by"]
    search_fields = ["name", "description"]
    fieldsets = [(None, {"fields": ["name", "aliases", ("quality",), "category_quality", "description", "reason"]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(served=Count("deployments"))

    @display(description="Aliases")
    def also_called(self, row: LanguageModel) -> str:
        return ", ".join(row.aliases) or "—"

    @display(description="Deployments", ordering="served")
    def served_by(self, row: Any) -> int:
        return row.served


@admin.register(Deployment)
class DeploymentAdmin(LeavesOutApart, DeploymentColumns, Switchable):
    theirs = of_provider("provider__")
    part = CATALOG
    form = DeploymentForm
    autocomplete_fields = ["provider", "model"]
    list_display = ["served", "enabled", "price", "window", "skills", "tries"]
    list_display_links = ["served"]
    list_filter = [
        *("enabled", PriceFilter, ("provider", AutocompleteSelectFilter), ("model", AutocompleteSelectFilter)),
    ]
    search_fields = ["model__name", "upstream_model", "provider__name"]
    readonly_fields = ["price", "preview"]
    inlines = [PriceInline]
    fieldsets = [
        (None, {"fields": [("provider", "model"), ("upstream_model", "enabled"), "reason"]}),
        ("Skills and limits", {"fields": SKILLS, "classes": ["tab"]}),
        ("Price in effect", {"fields": [("price", "preview")], "classes": ["tab"]}),
        ("Expectations", {"fields": ["quality", ("ttft_ms", "tokens_per_s")], "classes": ["tab"]}),
        (
            "Timeouts and retries",
            {
                "fields": [
                    ("connect_timeout_s", "first_byte_timeout_s"),
                    ("first_token_timeout_s", "stall_timeout_s"),
                    ("total_timeout_s", "retries"),
                ],
                "classes": ["tab"],
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_prices(super().get_queryset(request), timezone.now()).select_related("provider", "model")

    @takes("the right to change or to drain {rows}")
    def has_switch_off_permission(self, request: HttpRequest) -> bool:
        return super().has_switch_off_permission(request) or request.user.has_perm("providers.drain_deployment")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who sets prices may save a deployment's page too, on which all else is then fixed."""
        may_price = obj is not None and request.user.has_perm("providers.add_deploymentprice")
        return super().has_change_permission(request, obj) or (may_price and self.has_view_permission(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or super().has_change_permission(request, obj):
            return self.readonly_fields
        return [name for name in flatten_fieldsets(self.get_fieldsets(request, obj)) if name != "reason"]
