"""Which policies can a tenant or a budget name? Their forms know them by name only; the names are known here."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from routing.models import Policy
from tenants.adminforms import TenantForm
from tenants.budgetadmin import BudgetForm


class TenantPolicyForm(TenantForm):
    """What `auto` means to a tenant is chosen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_policies(self, "default_policy")


class BudgetPolicyForm(BudgetForm):
    """So is the policy that takes over when little of a budget is left."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_policies(self, "low_policy", ("", "None: what was asked for stays"))


def _offer_policies(form: forms.ModelForm, field: str, *first: tuple[str, str]) -> None:
    """Let people choose a policy's name instead of typing it; one that is held and gone stays visible."""
    if field not in form.fields:
        return
    held, typed = getattr(form.instance, field), form.fields[field]
    names = Policy.objects.filter(enabled=True, drill=False).values_list("name", flat=True)
    choices = [*first, *((name, name) for name in names)]
    if held not in dict(choices):
        choices.append((held, f"{held} (not enabled)"))
    form.fields[field] = forms.ChoiceField(
        label=typed.label,
        help_text=typed.help_text,
        required=typed.required,
        choices=choices,
        initial=held,
        widget=UnfoldAdminSelectWidget(choices=choices),
    )
