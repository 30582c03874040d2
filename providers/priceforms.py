"""How operators type a price: its columns, and tiers as lines of text."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from providers.embeddings import only_embeds
from providers.pricerows import DeploymentPrice
from providers.usdprice import COLUMNS, RATES, UsdPrice, UsdTier, problems

GOOD: Final = "200000: input 2.5, output 15"


class TiersField(forms.Field):
    """Lines of `tokens: rate USD, rate USD`, e.g. `200000: input 2.5, output 15`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminTextareaWidget(attrs={"rows": 2}))
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return tiers_text(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[dict[str, Any]]:
        if isinstance(value, list):
            return value
        lines = [line for line in (value or "").splitlines() if line.strip()]
        return [msgspec.to_builtins(_tier(line.strip())) for line in lines]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or []) != self.to_python(data)
        except ValidationError:
            return True


class PriceForm(forms.ModelForm):
    tiers = TiersField(
        label="Tiers",
        help_text=f"Above a number of prompt tokens the whole request costs this, one tier per line, e.g. {GOOD}. "
        f"Rates: {', '.join(RATES)}; what a tier leaves out stays as above.",
    )

    class Meta:
        model = DeploymentPrice
        fields = ["effective_from", *COLUMNS, "tiers", "source", "source_date"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in COLUMNS:
            if name in self.fields:
                self.fields[name].widget.attrs["step"] = "any"  # a browser would refuse what lies between its steps

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            self._check(data)
        return data

    def _check(self, data: dict[str, Any]) -> None:
        tiers = msgspec.convert(data["tiers"], tuple[UsdTier, ...])
        usd = UsdPrice(**{name: data.get(name) for name in COLUMNS}, tiers=tiers)
        if usd == UsdPrice():
            return  # unknown from then on
        for field, text in problems(usd, only_embeds(self.instance.deployment.capabilities)):
            name = "tiers" if field.startswith("tiers") else field or ("output" if usd.output is None else "input")
            self.add_error(name, text)


class PriceFormSet(forms.BaseInlineFormSet):
    """New prices are added, planned ones may be withdrawn; what was in effect stays as the record of it."""

    def clean(self) -> None:
        super().clean()
        now = timezone.now()
        if any(form.instance.pk and form.instance.effective_from <= now for form in self.deleted_forms):
            raise ValidationError("A price that has been in effect stays; add the one that holds from now on.")


def tiers_text(tiers: list[dict[str, Any]]) -> str:
    """The lines of `TiersField`."""
    return "\n".join(f"{tier['above']}: {', '.join(_rates(tier))}" for tier in tiers)


def _rates(tier: dict[str, Any]) -> list[str]:
    return [f"{name} {tier[name]}" for name in RATES if tier.get(name) is not None]


def _tier(line: str) -> UsdTier:
    above, colon, rates = line.partition(":")
    try:
        pairs = [pair.split() for pair in rates.split(",")]
        tier = {"above": int(above.replace("_", "")), **{name: Decimal(usd) for name, usd in pairs}}
        return msgspec.convert(tier, UsdTier)
    except (ValueError, InvalidOperation) as exc:  # msgspec.ValidationError is a ValueError
        raise ValidationError(f"“{line}” is not of the form tokens: rate USD, rate USD, e.g. {GOOD}") from exc
