"""The forms behind the admin pages of tenants and client keys."""

from datetime import timedelta

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from providers.formfields import LinesField, OverlapField, reason_field
from tenants.callers import LIMITS
from tenants.models import ClientKey, Tenant, everything
from tenants.scopefields import NAMES, ModelsField, PoliciesField, RoutesField

LIFETIMES = [("", "Never"), ("30", "After 30 days"), ("90", "After 90 days"), ("365", "After a year")]  # days


class TenantForm(forms.ModelForm):
    allow_models = LinesField(
        label="Models allowed",
        good="gpt-*",
        initial=everything,
        help_text="Patterns of model or provider/model names, or aliases, one per line: * is every model, "
        "e.g. gpt-* or ollama/*",
    )
    allow_policies = LinesField(
        label="Policies allowed",
        good="*",
        initial=everything,
        help_text="Patterns of policy names, one per line: * is every policy",
    )
    reason = reason_field()

    class Meta:
        model = Tenant
        exclude: list[str] = []


class KeyForm(forms.ModelForm):
    """What a key may, and its limits."""

    allow_models = ModelsField()
    allow_policies = PoliciesField()
    allow_routes = RoutesField()
    reason = reason_field()

    class Meta:
        model = ClientKey
        exclude: list[str] = []


class NewKeyForm(KeyForm):
    """What a new key is for; its value is made by `tenants.keys`, never typed."""

    lifetime = forms.ChoiceField(
        label="Expires", choices=LIFETIMES, required=False, widget=UnfoldAdminSelectWidget(choices=LIFETIMES)
    )

    class Meta:
        model = ClientKey
        fields = ["tenant", "name", "operator", *NAMES, *LIMITS]

    def lifetime_of_key(self) -> timedelta | None:
        days: str = self.cleaned_data["lifetime"]
        return timedelta(days=int(days)) if days else None


class RotateForm(forms.Form):
    overlap = OverlapField()
    reason = reason_field()


class RevokeForm(forms.Form):
    reason = reason_field()
