"""The page on which a provider is added: its kind, its key, and then its models, which a worker looks for."""

from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from dashboard import newcredentials, providertests
from dashboard.access import staff_form
from dashboard.changeforms import reason
from dashboard.questions import ask, done, require
from dashboard.views import scope_for
from profiling.providertests import ask_for_test
from providers import formwrites
from providers.adapters import wire_choices
from providers.adminbase import actor_of
from providers.adminforms import ProviderForm
from providers.credentialforms import CredentialForm
from providers.formfields import SecretField
from providers.models import Credential, Provider
from providers.revisions import CATALOG
from providers.vendors import VENDORS

RIGHT: Final = "providers.add_provider"
WHY_NOT: Final = "This takes the right to add providers: the role operator has it, and an owner can give it."
MODELS: Final = "providers.add_deployment"
PRESETS: Final = {vendor.name: vendor for vendor in VENDORS}
OTHER: Final = "other:"  # before a wire
EFFECT: Final = "It is called within a second of being added. "
FINDS: Final = (
    "A worker then lists its models, which bills nothing, and adds those that chat or embed; of a long listing, models "
    "that are not well known are added switched off."
)
ALONE: Final = "Its models are added by somebody who may add deployments and test providers."


def _kinds() -> list[tuple[str, Any]]:
    known = [(vendor.name, f"{vendor.name}, {vendor.base_url}") for vendor in VENDORS]
    return [("Known providers", known), ("Another server", [(f"{OTHER}{w}", label) for w, label in wire_choices()])]


class NewProviderForm(ProviderForm):
    """A provider by its kind; what is left empty is as the kind has it."""

    kind = forms.ChoiceField(choices=_kinds)
    secret = SecretField(
        label="Key", required=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Encrypted, and never shown again. Empty: it asks for none.",
    )  # fmt: skip
    reason = reason()
    headers = None  # type: ignore[assignment]
    fold = "An address of its own"
    folded = ("base_url", "allow_private")
    field_order = ["kind", "secret", "name", *folded, "reason"]

    class Meta:
        model = Provider
        fields = ["name", "base_url", "allow_private"]
        labels = {"base_url": "Base URL"}
        help_texts = {"name": "What models are called by: NAME/model. Empty: the name of its kind."}

    def __init__(self, *args: Any, keys: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not keys:
            del self.fields["secret"]
        self.fields["name"].required = self.fields["base_url"].required = False
        self.fields["base_url"].help_text = (
            "Needed for another server, up to and with the version, e.g. https://api.example.com/v1. Empty: that of "
            "its kind."
        )
        self.order_fields(self.field_order)

    @property
    def unfolds(self) -> bool:
        other = str(self["kind"].value() or "").startswith(OTHER)
        return other or any(name in self.errors for name in self.folded)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        kind: str = given.get("kind", "")
        if (vendor := PRESETS.get(kind)) is not None:
            self.instance.wire, self.instance.local = vendor.wire, vendor.local
            given["name"] = given.get("name") or _free_name(vendor.name)
            if not given.get("base_url"):
                given["base_url"] = vendor.base_url
                given["allow_private"] = given.get("allow_private") or vendor.local
            return given
        self.instance.wire = kind.removeprefix(OTHER)
        for name in ("name", "base_url"):
            if not given.get(name) and name not in self.errors:
                self.add_error(name, f"Another server needs a {self.fields[name].label}: it has no usual one.")
        return given


@sensitive_post_parameters()
@staff_form
def new(request: HttpRequest) -> HttpResponse:
    """Ask what it is; add it with its key, and queue the test that finds its models."""
    require(request, RIGHT, WHY_NOT)
    may, scope = request.user.has_perm, scope_for(request, "upstreams")
    finds = may(providertests.RIGHT) and may(MODELS)
    form = NewProviderForm(request.POST or None, keys=may(newcredentials.RIGHT))
    if not form.is_valid():
        settings, effect = reverse("admin:providers_provider_add"), EFFECT + (FINDS if finds else ALONE)
        verb = "Add the provider"
        return ask(request, scope, form, title="Add a provider", effect=effect, verb=verb, settings=settings)
    why, actor = form.cleaned_data["reason"], actor_of(request)
    with transaction.atomic():
        row = formwrites.add(form, actor, why, CATALOG)
        _add_key(row, form.cleaned_data.get("secret", ""), request)
        if not finds:
            return done(request, scope, f"{row} is added.")
        number = ask_for_test(row, "", actor, why, datetime.now(UTC), adds=True)
    return HttpResponseRedirect(reverse("dashboard:test-result", args=[scope.page, number]))


def _add_key(row: Provider, secret: str, request: HttpRequest) -> None:
    """Store the key by the rules of every key; raises `ValueError` for one that these refuse."""
    if not secret:
        return
    form = CredentialForm({"name": "default", "enabled": "on", "secret": secret}, instance=Credential(provider=row))
    if not form.is_valid():  # the field of the page has the same rules
        raise ValueError(f"the key of {row} cannot be stored")
    formwrites.add(form, actor_of(request), request.POST.get("reason", ""), CATALOG)


def _free_name(name: str) -> str:
    """The name, or else `NAME-2` and so on."""
    taken = set(Provider.objects.filter(name__startswith=name).values_list("name", flat=True))
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if one not in taken)
