"""The weights of a policy as one number input per scorer."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import BASE_INPUT_CLASSES

from routing.scorers import scorers


class WeightsWidget(forms.Widget):
    """Inputs named `<field>_<scorer>`; the value is a mapping of scorer to what was typed."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        typed = value if isinstance(value, Mapping) else {}
        rows = [{"name": f"{name}_{scorer}", "label": scorer, "value": typed.get(scorer, 0)} for scorer in scorers()]
        context = {"rows": rows, "classes": " ".join(BASE_INPUT_CLASSES), "id": (attrs or {}).get("id", "")}
        return render_to_string("admin/widgets/weights.html", context)

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> dict[str, str]:
        return {scorer: data.get(f"{name}_{scorer}", "").strip() for scorer in scorers()}

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return not any(f"{name}_{scorer}" in data for scorer in scorers())


class WeightsField(forms.Field):
    """`{"cost": 30, ...}` with numbers of 0 or more; an empty input is 0."""

    widget = WeightsWidget

    def to_python(self, value: Any) -> dict[str, float]:
        return {scorer: _weight(scorer, text) for scorer, text in (value or {}).items()}

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            before, after = self.to_python(initial), self.to_python(data)
        except ValidationError:
            return True
        return any(before.get(scorer, 0) != weight for scorer, weight in after.items())


def _weight(scorer: str, text: Any) -> float:
    try:
        number = float(text or 0)
    except ValueError:
        raise ValidationError(f"{scorer}: “{text}” is not a number; write e.g. 30") from None
    if not 0 <= number <= 1000:
        raise ValidationError(f"{scorer}: {text} is not between 0 and 1000; write e.g. 30")
    return int(number) if number == int(number) else number
