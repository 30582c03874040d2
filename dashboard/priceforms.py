"""What is asked of somebody who sets the next price of a deployment? The admin's form, filled with what holds now."""

from datetime import datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from dashboard.changeforms import plain, reason
from providers.embeddings import only_embeds
from providers.models import Deployment, DeploymentPrice
from providers.priceadmin import typical_cost
from providers.priceforms import PriceForm
from providers.pricerows import BEGINNING, columns_of
from providers.prices import histories, in_effect
from providers.usdprice import COLUMNS

SHOWN: Final = ("effective_from", "input", "output", "cached_input", "reason")
UNREADABLE: Final = "No preview: correct what is marked first."


class NewPriceForm(PriceForm):
    """A price from an instant on. What the deployment costs now stands in it, to be changed."""

    reason = reason()
    fold = "Caches, reasoning, audio, images, fees, tiers and where it was read"
    field_order = ["effective_from", "input", "output", "cached_input", *COLUMNS, "tiers", "source", "source_date"]

    def __init__(self, deployment: Deployment, data: Any, now: datetime) -> None:
        self.history, self.now = histories([deployment.pk]).get(deployment.pk, []), now
        current = in_effect(self.history, now)
        held = {name: plain(value) for name, value in columns_of(current.usd).items()} if current else {}
        instance = DeploymentPrice(deployment=deployment)
        super().__init__(data, instance=instance, initial={**held, "effective_from": None})
        begin, tiers = self.fields["effective_from"], self.fields["tiers"]
        begin.required = False
        begin.widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S")
        begin.help_text = f"In {timezone.get_current_timezone_name()}. Empty: {self._otherwise()}."
        tiers.widget = forms.Textarea(attrs={"rows": 2})
        self.fields["source_date"].widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    @property
    def folded(self) -> list[str]:
        """The fields that few prices need."""
        return [name for name in self.fields if name not in SHOWN]

    @property
    def unfolds(self) -> bool:
        """Whether one of those holds something, or is wrong."""
        return any(self[name].errors or self[name].value() not in (None, "", []) for name in self.folded)

    @property
    def preview(self) -> str:
        """What a typical request costs by what stands in the form."""
        if self.is_bound and not self.is_valid():
            return UNREADABLE
        row = self.instance if self.is_bound else in_effect(self.history, self.now)
        capabilities = self.instance.deployment.capabilities
        return typical_cost(row.usd if row else DeploymentPrice().usd, only_embeds(capabilities))

    def clean_effective_from(self) -> datetime:
        """The first price of a deployment holds from the beginning, as a file's does, unless one says otherwise."""
        given: datetime | None = self.cleaned_data["effective_from"]
        at = given or (self.now if self.history else BEGINNING)
        if any(row.effective_from == at for row in self.history):
            raise ValidationError("A price begins at that very moment already; choose another, e.g. a minute later.")
        return at

    def _otherwise(self) -> str:
        return "from now on" if self.history else "since ever, as it is the first price"
