"""How people type lists, mappings, capabilities and secrets into a form, where the column holds JSON or ciphertext."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

LONGEST_REASON: Final = 500  # as of the audit log
CAPABILITIES: Final = {
    "tools": "Tools (function calls)",
    "vision": "Vision (images in the prompt)",
    "json_mode": "JSON mode",
    "json_schema": "JSON schema (structured output)",
    "reasoning": "Reasoning",
    "embeddings": "Embeddings",
    "responses": "OpenAI's Responses (spoken by the upstream itself)",
}
OVERLAPS: Final = [("24", "24 hours"), ("1", "1 hour"), ("168", "7 days"), ("0", "Not at all: it stops now")]  # hours
SHORTEST_SECRET: Final = 8  # its last four characters are shown: half of a shorter one would be public


class OverlapField(forms.TypedChoiceField):
    """How long the old one of two keys goes on working, as a `timedelta`."""

    def __init__(self) -> None:
        super().__init__(
            label="The old key goes on working for",
            choices=OVERLAPS,
            coerce=lambda hours: timedelta(hours=int(hours)),
            widget=UnfoldAdminSelectWidget(choices=OVERLAPS),
        )


class LinesField(forms.Field):
    """A list of names, one per line or separated by commas; doubles are dropped, order is kept."""

    def __init__(self, *, good: str, **kwargs: Any) -> None:
        self.good = good
        kwargs.setdefault("widget", UnfoldAdminTextareaWidget(attrs={"rows": 3}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        names = value if isinstance(value, list) else re.split(r"[,\n]", value or "")
        kept = list(dict.fromkeys(name.strip() for name in names if name.strip()))
        for name in kept:
            if not name.isprintable() or any(ch.isspace() for ch in name):
                raise ValidationError(f"“{name}” contains a space; write one name per line, e.g. {self.good}")
        return kept

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True


class MappingField(forms.Field):
    """Lines of `name: value`; `convert` turns a value and raises `ValueError` with what is wrong with it."""

    def __init__(self, *, convert: Callable[[str, str], Any], good: str, **kwargs: Any) -> None:
        self.convert, self.good = convert, good
        kwargs.setdefault("widget", UnfoldAdminTextareaWidget(attrs={"rows": 3}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{key}: {item}" for key, item in value.items()) if isinstance(value, Mapping) else value

    def to_python(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Mapping):
            return dict(value)
        lines = [line.strip() for line in (value or "").splitlines() if line.strip()]
        return dict(self._pair(line) for line in lines)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True

    def _pair(self, line: str) -> tuple[str, Any]:
        name, colon, text = (part.strip() for part in line.partition(":"))
        if not (name and colon and text):
            raise ValidationError(f"“{line}” is not of the form name: value, e.g. {self.good}")
        try:
            return name, self.convert(name, text)
        except ValueError as exc:
            raise ValidationError(f"“{line}”: {exc}, e.g. {self.good}") from exc


def probability(name: str, text: str) -> float:
    """A `MappingField` conversion: a number from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text} is not a number") from None
    if not 0 <= number <= 1:
        raise ValueError(f"{text} is not between 0 and 1")
    return number


def reason_field(told: str = "Kept in the audit log.", required: bool = False) -> forms.CharField:
    """Why a change is made, in the words of who makes it."""
    return forms.CharField(
        required=required, max_length=LONGEST_REASON, widget=UnfoldAdminTextInputWidget, help_text=told
    )


class CapabilitiesField(forms.MultipleChoiceField):
    """Checkboxes; what discovery found beyond the known ones stays and can be switched off (`also`)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminCheckboxSelectMultipleWidget)
        super().__init__(choices=list(CAPABILITIES.items()), required=False, **kwargs)

    def also(self, present: list[str]) -> None:
        """Offer the capabilities that a deployment already has."""
        unknown = [name for name in present if name not in CAPABILITIES]
        self.choices = [*CAPABILITIES.items(), *((name, name) for name in unknown)]


class SecretField(forms.CharField):
    """A credential on its way in: never rendered back, not even after an error."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> str:
        secret = super().to_python(value) or ""
        if secret and len(secret) < SHORTEST_SECRET:
            raise ValidationError(f"This key has fewer than {SHORTEST_SECRET} characters; was it cut when copied?")
        if not secret.isascii() or not secret.isprintable() or any(ch.isspace() for ch in secret):
            raise ValidationError("A key has no spaces, line breaks or accents; copy it again, without quotes.")
        return secret
