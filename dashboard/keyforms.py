"""What is asked of somebody who makes, replaces or ends a client key of their own?"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms

from providers.formfields import OVERLAPS
from tenants.adminforms import LIFETIMES
from tenants.callers import Scope
from tenants.models import ClientKey, Tenant
from tenants.scopefields import NAMES, ModelsField, PoliciesField, RoutesField, scope_in


class ReasonForm(forms.Form):
    """To end a key."""

    reason = forms.CharField(required=False, max_length=500, help_text="Kept in the audit log.")


class NewKeyForm(ReasonForm):
    """`tenants` are those that the key may be of, by id."""

    field_order = ["tenant", "name", "lifetime", *NAMES, "reason"]
    tenant = forms.ChoiceField()
    name = forms.CharField(max_length=64, help_text="What it is for, e.g. nightly-report.")
    lifetime = forms.ChoiceField(label="Expires", choices=LIFETIMES, required=False)
    allow_models = ModelsField(widget=forms.Textarea(attrs={"rows": 2}))
    allow_policies = PoliciesField(widget=forms.Textarea(attrs={"rows": 2}))
    allow_routes = RoutesField(widget=forms.CheckboxSelectMultiple)

    def __init__(self, tenants: Mapping[int, Tenant], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._by_name = {row.name: row for row in tenants.values()}
        self.fields["tenant"] = forms.ChoiceField(choices=[(name, name) for name in self._by_name])
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        tenant, name = self._by_name.get(cleaned.get("tenant", "")), cleaned.get("name")
        if tenant and name and ClientKey.objects.filter(tenant=tenant, name=name).exists():
            self.add_error("name", f"{tenant} has a key called {name} already; each needs a name of its own.")
        return cleaned

    @property
    def chosen(self) -> Tenant:
        return self._by_name[self.cleaned_data["tenant"]]

    @property
    def scope(self) -> Scope:
        return scope_in(self.cleaned_data)

    @property
    def lives(self) -> timedelta | None:
        days: str = self.cleaned_data["lifetime"]
        return timedelta(days=int(days)) if days else None


class RotateForm(ReasonForm):
    field_order = ["overlap", "reason"]
    overlap = forms.ChoiceField(label="The old key goes on working for", choices=OVERLAPS)

    @property
    def lasts(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["overlap"]))
