"""The fields in which people say what a client key may of what its tenant may. Empty takes nothing away."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from providers.formfields import LinesField
from providers.reserved import is_auto
from tenants.callers import ROUTES, Scope

NAMES: Final = ("allow_models", "allow_policies", "allow_routes")


class ModelsField(LinesField):
    def __init__(self, **kwargs: Any) -> None:
        told = (
            "Patterns of model or provider/model names, one per line, e.g. gpt-* or ollama/*; or aliases, each meaning "
            "what it stands for now. Empty: all the tenant's."
        )
        super().__init__(good="gpt-*", label="Models", required=False, help_text=told, **kwargs)

    def to_python(self, value: Any) -> list[str]:
        names = super().to_python(value)
        for name in filter(is_auto, names):
            raise ValidationError(f"{name} is no model but lets a policy decide: name it under policies")
        return names


class PoliciesField(LinesField):
    def __init__(self, **kwargs: Any) -> None:
        told = (
            "Names or patterns, one per line. Where they leave out the tenant's default policy, the first of them is "
            "what the key means by auto. Empty: all the tenant's."
        )
        super().__init__(good="balanced", label="Policies", required=False, help_text=told, **kwargs)


class RoutesField(forms.MultipleChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminCheckboxSelectMultipleWidget)
        choices = [(name, f"{name}: {what}") for name, what in ROUTES.items()]
        told = "None chosen: all of them. Every key may list the models that it may call."
        super().__init__(choices=choices, label="Routes", required=False, help_text=told, **kwargs)


def scope_in(cleaned: dict[str, Any]) -> Scope:
    """What was filled in."""
    return Scope(*(tuple(cleaned[name]) for name in NAMES))
