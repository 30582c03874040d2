"""The forms behind the admin pages of credentials: a key goes in once, and what is stored is never a field."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString

from providers.formfields import OverlapField, SecretField, reason_field
from providers.models import Credential
from providers.rotation import store
from providers.secrets import fingerprint_of, opens_to


def shown(row: Credential) -> SafeString:
    """What people see of a stored key: its last four characters, and its fingerprint."""
    told = fingerprint_of(row.ciphertext) or "—"
    return format_html(
        '<span class="whitespace-nowrap">…{} <code class="text-subtle" title="fingerprint">{}</code></span>',
        row.last_four,
        told,
    )


class StoredKey(forms.Widget):
    """Stands where the key of a stored credential would be typed: nothing to edit."""

    def __init__(self, row: Credential) -> None:
        super().__init__()
        self.row = row

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return shown(self.row)


class CredentialForm(forms.ModelForm):
    """A new credential takes its key; that of a stored one is replaced on a page of its own."""

    secret = SecretField(label="Key")

    class Meta:
        model = Credential
        fields = ["name", "enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        secret = self.fields["secret"]
        if self.instance.pk is None:
            secret.widget.attrs["placeholder"] = "paste the key"
        else:
            secret.widget, secret.disabled, secret.required = StoredKey(self.instance), True, False

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        others = Credential.objects.exclude(pk=self.instance.pk)
        if others.filter(provider=self.instance.provider_id, name=name).exists():
            raise ValidationError(f"The provider has a credential called {name} already; choose another, e.g. {name}-2")
        return name

    def save(self, commit: bool = True) -> Credential:
        if self.instance.pk is None:
            store(self.instance, self.cleaned_data["secret"])
        return super().save(commit)


class CredentialPageForm(CredentialForm):
    """On a page of its own, where a row inside a provider's page goes by the reason of that page."""

    reason = reason_field()


class ReplaceForm(forms.Form):
    """The key that takes the place of `credential`'s."""

    secret = SecretField(label="New key")
    reason = reason_field()

    def __init__(self, credential: Credential, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.credential = credential

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        for row in Credential.objects.filter(provider=self.credential.provider_id):
            if opens_to(row.ciphertext, secret):
                raise ValidationError(f"This key is stored already, as {row}: copy the new one, or use that one.")
        return secret

    @property
    def seen(self) -> str:
        """What the page carries, so that nobody replaces a key that somebody else put there meanwhile."""
        return fingerprint_of(self.credential.ciphertext) or ""

    def clean(self) -> dict[str, Any]:
        if self.data.get("seen", self.seen) != self.seen:
            raise ValidationError(
                f"Somebody else changed the key since you opened this page: it is {self.credential} now. Nothing was "
                "overwritten; type yours again to put it in that one's place."
            )
        return super().clean() or {}


class RotateForm(ReplaceForm):
    """The same, and how long the old key goes on."""

    field_order = ["secret", "overlap", "reason"]
    overlap = OverlapField()
