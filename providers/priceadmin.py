"""How prices appear in the admin: as the history of a deployment, and as a column and a filter of deployments."""

from decimal import Decimal
from typing import Any, Final

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import StackedInline
from unfold.decorators import display

from providers.chat import TokenUsage
from providers.embeddings import only_embeds
from providers.formrows import once
from providers.models import DeploymentPrice
from providers.priceforms import PriceForm, PriceFormSet
from providers.prices import UNKNOWN, histories, in_effect, unpriced
from providers.usdprice import UsdPrice, dollars, exact

TYPICAL_PROMPT, TYPICAL_ANSWER = 1_000, 300  # tokens of the request in a price preview
TYPICAL_COUNT: Final = 1_000
TYPICAL: Final = f"{TYPICAL_COUNT:,} typical requests"
NANO: Final = 10**9


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
        "preview",
    ]
    readonly_fields = ["preview"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("deployment__provider", "deployment__model")

    @display(description="Preview")
    def preview(self, row: DeploymentPrice) -> str:
        """Of a price that is stored: a planned one, too."""
        return typical_cost(row.usd, only_embeds(row.deployment.capabilities)) if row.pk else "—"

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

    @display(description="At the price in effect")
    @once
    def preview(self, row: Any) -> str:
        price = in_effect(histories([row.pk]).get(row.pk, ()), timezone.now()) if row.pk else None
        return typical_cost(price.usd if price else UNKNOWN, only_embeds(row.capabilities))


def typical_cost(usd: UsdPrice, embeds: bool) -> str:
    """`1,000 typical requests = $0.4200 (…)`, all of a price counted, to check what was typed against one's bill."""
    price = exact(usd, embeds)
    if price is None:
        return f"{TYPICAL} = — (no price: cost is unknown)"
    answer = 0 if embeds else TYPICAL_ANSWER
    nano_usd = TYPICAL_COUNT * price.cost_nano_usd(TokenUsage(prompt=TYPICAL_PROMPT, completion=answer))
    each = f"{TYPICAL_PROMPT:,} tokens of prompt" + (f", {answer} of answer" if answer else "")
    return f"{TYPICAL} = ${dollars(Decimal(nano_usd) / NANO)} ({each} each)"


def price_text(usd_in: Decimal | None, usd_out: Decimal | None) -> str:
    """`0.15 / 0.6`; a dash for unknown."""
    return " / ".join("—" if price is None else _plain(price) for price in (usd_in, usd_out))


def _plain(price: Decimal) -> str:
    return f"{price.normalize():f}"
