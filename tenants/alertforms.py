"""The form of those who are told of budgets and findings: addresses of webhooks go in and do not come out."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from providers.formfields import SecretField, reason_field
from tenants.alertrows import AlertReceiver
from tenants.delivering import hook_of, keep_email, keep_hook
from tenants.sight import Sight
from tenants.webhooks import Hook, check_webhook

WEBHOOK, EMAIL = AlertReceiver.Kind.WEBHOOK, AlertReceiver.Kind.EMAIL


class ReceiverForm(forms.ModelForm):
    """Of a stored webhook, an empty URL or key stays as it is. `sight` is that of who fills it in."""

    sight: ClassVar[Sight] = None

    url = SecretField(label="URL", required=False)
    key = SecretField(label="Key that signs", required=False)
    reason = reason_field()

    class Meta:
        model = AlertReceiver
        fields = ["tenant", "budget", "name", "enabled", "kind", "email", "allow_private", "budget_alerts", "findings"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "url" in self.fields:
            self.fields["url"].required = self.fields["key"].required = False
            self.fields["url"].help_text = "Is posted to, e.g. https://hooks.example.com/budgets. Not shown again."
            self.fields["key"].help_text = "Of your choice; each message is signed with it. Not shown again."
            for name in ("url", "key") if self.instance.ciphertext else ():
                self.fields[name].help_text += " Empty leaves it as it is."

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        self._clean_whose(given)
        if given.get("kind") == EMAIL:
            if not given.get("email") and "email" not in self.errors:
                self.add_error("email", "An e-mail receiver needs an address, e.g. finance@example.com.")
        else:
            self._clean_hook(given)
        if "findings" in given and not given.get("budget_alerts") and given["findings"] == AlertReceiver.Findings.NONE:
            self.add_error("findings", "Choose budget alerts or findings; a receiver of neither is told nothing.")
        return given

    def _clean_whose(self, given: dict[str, Any]) -> None:
        budget, tenant = given.get("budget"), given.get("tenant")
        if budget and tenant is None:
            given["tenant"] = tenant = budget.tenant
        if budget and tenant and budget.tenant_id != tenant.pk:
            self.add_error("budget", f"{budget} is no budget of {tenant}; choose one of its own, or none for all.")
        if "tenant" in given and tenant is None and self.sight is not None:
            self.add_error("tenant", "Choose one of your tenants; without one is for those who see every tenant.")
        others = AlertReceiver.objects.filter(tenant=tenant, name=given.get("name")).exclude(pk=self.instance.pk)
        if "tenant" in given and "name" in given and others.exists():
            self.add_error("name", f"There is a receiver {given['name']} already; choose another name.")

    def _clean_hook(self, given: dict[str, Any]) -> None:
        """An address that is stored is checked too: the rule may have changed."""
        old = hook_of(self.instance)
        url, key = given.get("url") or old.url, given.get("key") or old.key
        for name, value, good in (("url", url, "https://hooks.example.com/budgets"), ("key", key, "32 random letters")):
            if not value and name not in self.errors:
                self.add_error(name, f"A webhook needs it, e.g. {good}.")
        if url and "url" not in self.errors:
            try:
                check_webhook(url, bool(given.get("allow_private")))
            except ValueError as exc:
                raise ValidationError({"url": str(exc)}) from exc

    def save(self, commit: bool = True) -> Any:
        given = self.cleaned_data
        if given["kind"] == EMAIL:
            keep_email(self.instance, given["email"])
        else:
            old = hook_of(self.instance)
            hook = Hook(given.get("url") or old.url, given.get("key") or old.key)
            if hook != old:
                keep_hook(self.instance, hook)
        return super().save(commit)
