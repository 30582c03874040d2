"""How prices appear in the admin: as the history of a deployment, and as a column and a filter of deployments."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import StackedInline
from unfold.decorators import display

from providers.models import DeploymentPrice
from providers.priceforms import PriceForm, PriceFormSet
from providers.prices import unpriced

TYPICAL_PROMPT, TYPICAL_ANSWER = 1_000, 300  # tokens of the request in a price preview


class PriceInline(StackedInline):
    """What it costs from when on; a price is written once, and a new one is added for the next."""

    model = DeploymentPrice
    form = PriceForm
    formset = PriceFormSet
    extra = 0
    tab = True
    ordering = ["-effective_from"]
    verbose_name_plural = "Prices"
    fields = [
        ("effective_from",),
        ("input", "output"),
        ("cached_input", "cache_write", "cache_write_1h"),
        ("reasoning", "audio_input", "audio_output"),
        ("image", "request"),
        "tiers",
        ("source", "source_date"),
    ]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PriceFilter(admin.SimpleListFilter):
    title = "price"
    parameter_name = "price"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("unknown", "Unknown")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return unpriced(queryset, timezone.now()) if self.value() == "unknown" else queryset


class PriceColumns:
    """What lists and pages of deployments say about the price that is in effect (rows come from `with_prices`)."""

    @display(description="USD per million tokens, in / out", ordering="input_price")
    def price(self, row: Any) -> str:
        return price_text(row.input_price, row.output_price) if hasattr(row, "input_price") else "—"

    @display(description=f"1,000 requests of {TYPICAL_PROMPT:,} + {TYPICAL_ANSWER} tokens")
    def preview(self, row: Any) -> str:
        usd_in, usd_out = getattr(row, "input_price", None), getattr(row, "output_price", None)
        if usd_in is None or usd_out is None:
            return "— (no price: cost is unknown)"
        usd = (usd_in * TYPICAL_PROMPT + usd_out * TYPICAL_ANSWER) / 1_000
        return f"${usd:,.2f} at the price in effect"


def price_text(usd_in: Decimal | None, usd_out: Decimal | None) -> str:
    """`0.15 / 0.6`; a dash for unknown."""
    return " / ".join("—" if price is None else _plain(price) for price in (usd_in, usd_out))


def _plain(price: Decimal) -> str:
    return f"{price.normalize():f}"
