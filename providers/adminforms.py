"""The forms behind the admin pages of providers, models and deployments."""

import re
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from providers.formfields import CapabilitiesField, LinesField, MappingField, probability, reason_field
from providers.http.heads import RESERVED
from providers.models import Deployment, LanguageModel, Provider
from providers.reserved import why_reserved
from providers.timelimits import PHASES, default_time_limits

SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key"})
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def header_value(name: str, value: str) -> str:
    """A `MappingField` conversion: an HTTP header that carries no key of ours."""
    if not HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name} is not a header's name")
    if name.lower() in SECRET_HEADERS:
        raise ValueError(f"{name} carries a key: enter it as a credential, where it is encrypted")
    if name.lower() in RESERVED:
        raise ValueError(f"{name} is for the gateway itself to say, as it frames the requests")
    if not value.isascii() or not value.isprintable():
        raise ValueError("a header's value is plain ASCII text")
    return value


class ProviderForm(forms.ModelForm):
    headers = MappingField(
        label="Extra headers",
        convert=header_value,
        good="X-Title: NeuroRoute",
        required=False,
        help_text="One per line, e.g. X-Title: NeuroRoute",
    )
    reason = reason_field()

    class Meta:
        model = Provider
        fields = ["name", "wire", "base_url", "enabled", "allow_private", "local", "data_policy", "headers"]
        labels = {"base_url": "Base URL"}


class LanguageModelForm(forms.ModelForm):
    aliases = LinesField(
        good="gpt-latest", required=False, help_text="Other names that lead here, one per line, e.g. gpt-latest"
    )
    category_quality = MappingField(
        label="Quality per kind of task",
        convert=probability,
        good="coding: 0.8",
        required=False,
        help_text="Priors from 0 to 1, one per line, e.g. coding: 0.8",
    )
    reason = reason_field()

    class Meta:
        model = LanguageModel
        fields = ["name", "aliases", "quality", "category_quality", "description"]
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if why := why_reserved(name):
            raise ValidationError(f"Name: {why}")
        return name

    def clean_aliases(self) -> list[str]:
        aliases: list[str] = self.cleaned_data["aliases"]
        if wrong := [why for alias in aliases if (why := why_reserved(alias))]:
            raise ValidationError([f"Aliases: {why}" for why in wrong])
        others = LanguageModel.objects.exclude(pk=self.instance.pk)
        taken = set(others.filter(name__in=aliases).values_list("name", flat=True))
        for names in others.exclude(aliases=[]).values_list("aliases", flat=True):
            taken.update(set(names) & set(aliases))
        if taken:
            name = sorted(taken)[0]
            raise ValidationError(f"“{name}” already leads to another model; choose another, e.g. {name}-2")
        return aliases


def misfit(context: int | None, answer: int | None) -> str:
    """Why a longest answer cannot be; empty: it can."""
    if not context or not answer or answer <= context:
        return ""
    return f"{answer:,} tokens of answer do not fit a context of {context:,}; give at most {context:,}."


class DeploymentForm(forms.ModelForm):
    capabilities = CapabilitiesField()
    reason = reason_field()

    class Meta:
        model = Deployment
        exclude: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        skills = self.fields.get("capabilities")
        if isinstance(skills, CapabilitiesField):
            skills.also(self.instance.capabilities)
        self._show_time_limits()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if wrong := misfit(data.get("context"), data.get("max_output")):
            self.add_error("max_output", wrong)
        return data

    def _show_time_limits(self) -> None:
        """Show in each empty field what holds there, by the kind of the stored deployment."""
        local = self.instance.provider_id is not None and self.instance.provider.local
        usual = default_time_limits(self.instance.capabilities, local)
        for phase in PHASES:
            if field := self.fields.get(f"{phase}_timeout_s"):
                field.widget.attrs["placeholder"] = f"{getattr(usual, f'{phase}_s'):g}"
