"""The pages on which a model gets other names, and a deployment its next price."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from dashboard.access import staff_form
from dashboard.changeforms import SeenRow, reason
from dashboard.priceforms import NewPriceForm
from dashboard.questions import ask, deciding, done, previews, require
from dashboard.upstreamrows import deployment_of
from dashboard.views import scope_for
from providers import formwrites
from providers.adminbase import actor_of
from providers.adminforms import LanguageModelForm
from providers.models import LanguageModel
from providers.revisions import CATALOG

ALIAS: Final = "providers.change_languagemodel"
PRICE: Final = "providers.add_deploymentprice"
NO_ALIAS: Final = "Naming takes the right to change models: the role operator has it, and an owner can give it."
NO_PRICE: Final = "Pricing takes the right to add prices: the role finance has it, and an owner can give it."


class AliasForm(SeenRow, LanguageModelForm):
    """The other names of a model, one per line."""

    category_quality = None  # type: ignore[assignment]
    reason = reason()

    class Meta:
        model = LanguageModel
        fields = ["aliases"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["aliases"].widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})


@staff_form
def alias(request: HttpRequest, deployment_id: int) -> HttpResponse:
    """Say what else the model of a deployment is called."""
    require(request, ALIAS, NO_ALIAS)
    scope, rows = scope_for(request, "models"), LanguageModel.objects.all()
    with deciding(request):
        rows = rows.select_for_update() if request.method == "POST" else rows
        row = rows.get(pk=deployment_of(deployment_id).model_id)
        form, there = AliasForm(request.POST or None, instance=row), ", ".join(row.aliases)
        if form.is_valid():
            formwrites.change(form, "changed", actor_of(request), form.cleaned_data["reason"], CATALOG)
            named = ", ".join(row.aliases)
            return done(request, scope, f"{row} is also called {named}." if named else f"{row} has no other name.")
    effect = (
        f"Whoever asks for one of these names gets {row}, wherever it is served. A name that is taken away is unknown "
        f"within a second: requests for it are refused. {f'Now: {there}.' if there else 'It has none now.'}"
    )
    settings = reverse("admin:providers_languagemodel_change", args=[row.pk])
    return ask(
        request, scope, form, title=f"Aliases of {row}", effect=effect, verb="Set the aliases", settings=settings
    )


@staff_form
def price(request: HttpRequest, deployment_id: int) -> HttpResponse:
    """Set what a deployment costs from an instant on; typed in the zone of the page."""
    require(request, PRICE, NO_PRICE)
    row, scope = deployment_of(deployment_id), scope_for(request, "models")
    with timezone.override(scope.period.zone):
        form = NewPriceForm(row, request.POST or None, timezone.now())
        if not previews(request) and form.is_valid():
            made = formwrites.add(form, actor_of(request), form.cleaned_data["reason"], CATALOG)
            return done(request, scope, f"{made}: {form.preview}.")
        settings = "admin:providers_deployment_change" if request.user.has_perm("providers.view_deployment") else ""
        effect = (
            f"Requests that {row} serves from then on cost this. What was in effect stays as the record of it: no "
            "request is priced anew."
        )
        return ask(
            request, scope, form, title=f"Price of {row}", effect=effect, verb="Set the price", preview=form.preview,
            settings=reverse(settings, args=[row.pk]) if settings else "",
        )  # fmt: skip
