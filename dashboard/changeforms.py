"""What is asked of somebody who changes the configuration from a page of the dashboard? The admin's own rules, in plain
fields."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError


def reason(told: str = "Kept in the audit log.", required: bool = False) -> forms.CharField:
    """Why, in the words of who does it."""
    return forms.CharField(required=required, max_length=500, help_text=told)


class SeenRow(forms.ModelForm):
    """Goes before a form that changes a stored row: who saves second is told, and overwrites nothing."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held = self._now()
        self.initial["seen"] = self._held

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("seen", "") != self._held:
            self.data = {**self.data.dict(), "seen": self._held}  # type: ignore[attr-defined]
            raise ValidationError(
                f"Somebody else changed it since you opened this page: it is {self._held or 'empty'} now. Nothing was "
                "overwritten; send yours again to put it in that one's place."
            )
        return given

    def _now(self) -> str:
        """What the row holds in the fields of the form, as people read it."""
        values = (getattr(self.instance, name) for name in self._meta.fields or () if name in self.fields)
        return "; ".join(
            ", ".join(map(str, value)) if isinstance(value, list) else str(plain(value)) for value in values
        )


def plain(value: Any) -> Any:
    """A decimal as people write it, `25` for `25.000000000`; anything else as it is."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
