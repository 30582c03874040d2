"""What is asked of somebody who sets a budget, raises it, moves its thresholds, or wants somebody told of it?"""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from dashboard.changeforms import SeenRow, plain, reason
from providers.formfields import SecretField
from routing.policyforms import BudgetPolicyForm
from tenants.alertforms import ReceiverForm
from tenants.alertrows import AlertReceiver
from tenants.budgetadmin import PercentsField
from tenants.budgets import USD, Budget, usual_alerts
from tenants.models import ClientKey, Tenant


class RaiseForm(SeenRow):
    """A limit above the present one, in the budget's own unit."""

    reason = reason("Why it is raised; kept in the audit log.", required=True)

    class Meta:
        model = Budget
        fields = ["limit_usd", "limit_tokens"]
        labels = {"limit_usd": "New limit, USD", "limit_tokens": "New limit, tokens"}
        help_texts = {"limit_tokens": ""}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine, other = ("limit_usd", "limit_tokens") if self.instance.unit == USD else ("limit_tokens", "limit_usd")
        del self.fields[other]
        self.fields[mine].required = True
        self.fields[mine].widget.attrs["step"] = "any" if self.instance.unit == USD else 1
        self.initial[mine] = plain(self.initial[mine])
        self._held = self.initial["seen"] = self._now()

    def clean_limit_usd(self) -> Decimal:
        return self._higher("limit_usd")

    def clean_limit_tokens(self) -> int:
        return self._higher("limit_tokens")

    def _higher(self, name: str) -> Any:
        if why := self.instance.why_no_raise(self.cleaned_data[name]):
            raise ValidationError(f"{why}; All settings lowers it.")
        return self.cleaned_data[name]


def percents() -> PercentsField:
    """Whole percents on one line, in a plain field."""
    return PercentsField(
        good="50, 80, 100",
        label="Percents of the limit",
        required=False,
        initial=usual_alerts,
        widget=forms.TextInput,
        help_text="Whole percents, separated by commas, e.g. 50, 80, 100. Empty: no alert.",
    )


class NewBudgetForm(BudgetPolicyForm):
    """A limit on what a tenant of `tenants`, one of its keys or one tag may spend."""

    key = forms.CharField(required=False, max_length=64, help_text="The name of one of its keys. Empty: all together.")
    alerts = percents()
    reason = reason()
    fold = "Thresholds, what happens when little is left, and unknown prices"
    folded = ("alerts", "low_percent", "low_policy", "unpriced")
    field_order = ["tenant", "limit_usd", "limit_tokens", "period", "kind", "key", "tag", *folded, "reason"]

    class Meta:
        model = Budget
        fields = ["tenant", "tag", "limit_usd", "limit_tokens", "period", "kind", *("low_percent", "unpriced")]
        fields += ["low_policy", "alerts"]

    def __init__(self, tenants: QuerySet[Tenant], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tenant"] = forms.ModelChoiceField(tenants.order_by("name"), to_field_name="name", empty_label=None)
        policies: Any = self.fields["low_policy"]
        policies.widget = forms.Select(choices=policies.choices)
        self.fields["limit_usd"].widget.attrs["step"] = "any"
        self.fields["limit_tokens"].help_text = "Give one of the two limits."
        self.order_fields(self.field_order)

    @property
    def unfolds(self) -> bool:
        return any(name in self.errors for name in self.folded)

    def clean_key(self) -> ClientKey | None:
        name, tenant = self.cleaned_data["key"], self.cleaned_data.get("tenant")
        if not name or tenant is None:
            return None
        found = ClientKey.objects.filter(tenant=tenant, name=name).first()
        if found is None:
            raise ValidationError(f"{tenant} has no key called {name}; leave it empty for all of its keys.")
        return found

    def save(self, commit: bool = True) -> Budget:
        self.instance.key = self.cleaned_data["key"]
        return super().save(commit)


class ThresholdsForm(SeenRow):
    alerts = percents()
    reason = reason()

    class Meta:
        model = Budget
        fields = ["alerts"]


class NotifyForm(ReceiverForm):
    """A receiver of the alerts of one budget, that of `instance`."""

    url = SecretField(label="URL of the webhook", required=False, widget=forms.PasswordInput)
    key = SecretField(label="Key that signs what the webhook gets", required=False, widget=forms.PasswordInput)
    reason = reason()
    field_order = ["name", "kind", "email", "url", "key", "allow_private", "reason"]

    class Meta:
        model = AlertReceiver
        fields = ["name", "kind", "email", "allow_private"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        needed = {"email": "e-mail", "url": "a webhook", "key": "a webhook"}
        for name, kind in needed.items():
            self.fields[name].help_text = f"Needed for {kind}. {self.fields[name].help_text}"

    def clean(self) -> dict[str, Any]:
        self.cleaned_data |= {"tenant": self.instance.tenant, "budget": self.instance.budget}
        return super().clean()
