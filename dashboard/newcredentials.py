"""The page on which a provider gets another key: it goes in, and does not come out."""

from typing import Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from dashboard.access import staff_form
from dashboard.changeforms import reason
from dashboard.questions import ask, done, require
from dashboard.upstreamrows import provider_named
from dashboard.views import scope_for
from providers import formwrites
from providers.adminbase import actor_of
from providers.credentialforms import CredentialForm
from providers.formfields import SecretField
from providers.models import Credential, Provider
from providers.revisions import CATALOG

RIGHT: Final = "providers.add_credential"
WHY_NOT: Final = "Adding keys takes the right to add credentials: the role operator has it, and an owner can give it."
VIEW: Final = "providers.view_credential"


class KeyForm(CredentialForm):
    """A key and its name."""

    secret = SecretField(label="Key", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))
    reason = reason()
    field_order = ["secret", "name", "reason"]

    class Meta:
        model = Credential
        fields = ["name"]
        help_texts = {"name": "What tells it from the provider's other keys, e.g. second-account."}


@sensitive_post_parameters()
@staff_form
def add(request: HttpRequest, provider: str) -> HttpResponse:
    """Ask for the key, and present it beside those that are there."""
    require(request, RIGHT, WHY_NOT)
    row, scope = provider_named(provider), scope_for(request, "upstreams")
    form = KeyForm(request.POST or None, instance=Credential(provider=row), initial={"name": _free_name(row)})
    if form.is_valid():
        made = formwrites.add(form, actor_of(request), form.cleaned_data["reason"], CATALOG)
        return done(request, scope, f"{row} is called with the key {made}, too, within a second.")
    settings = f"{reverse('admin:providers_credential_add')}?provider={row.pk}"
    effect = f"{row} is called with it within a second.{_beside(request, row)} It is encrypted, and never shown again."
    return ask(request, scope, form, title=f"Add a key to {row}", effect=effect, verb="Add the key", settings=settings)


def _free_name(row: Provider) -> str:
    """`default`, then `key-2` and so on."""
    taken = set(row.credentials.values_list("name", flat=True))
    names = ("default", *(f"key-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _beside(request: HttpRequest, row: Provider) -> str:
    """The keys that it has, for those who may look at them."""
    if not request.user.has_perm(VIEW):
        return ""
    there = ", ".join(map(str, row.credentials.all()[:8]))
    return f" It has these: {there}; keys are used in turn." if there else " It has none yet."
