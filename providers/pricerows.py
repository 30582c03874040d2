"""The rows of prices: what a deployment costs from when on. `providers.prices` says which one is in effect."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from providers.usdprice import COLUMNS, UsdPrice, UsdTier

BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)  # a deployment's first price holds from here: no gap, no clock
NOT_NEGATIVE: Final = [MinValueValidator(Decimal(0))]


def usd_per_million(label: str, otherwise: str) -> Any:
    """A price column; empty is never free."""
    return models.DecimalField(
        f"{label}, USD per million tokens", max_digits=12, decimal_places=6, null=True, blank=True,
        validators=NOT_NEGATIVE, help_text=f"Empty: {otherwise}. 0: free.",
    )  # fmt: skip


def usd_each(label: str) -> Any:
    """A fee column; empty is none."""
    return models.DecimalField(
        f"{label}, USD", max_digits=14, decimal_places=8, null=True, blank=True, validators=NOT_NEGATIVE
    )


class DeploymentPrice(models.Model):
    """What a deployment costs from an instant on, until its next price. Written once: a new price is a new row."""

    deployment = models.ForeignKey("providers.Deployment", on_delete=models.CASCADE, related_name="prices")
    effective_from = models.DateTimeField("in effect from", default=timezone.now)
    input = usd_per_million("input", "unknown (cost is then unknown too)")
    output = usd_per_million("output", "unknown (cost is then unknown too)")
    cached_input = usd_per_million("cached input", "as input")
    cache_write = usd_per_million("cache write, 5 min", "as input")
    cache_write_1h = usd_per_million("cache write, 1 h", "as cache write, 5 min")
    reasoning = usd_per_million("reasoning", "as output")
    audio_input = usd_per_million("audio in", "as input")
    audio_output = usd_per_million("audio out", "as output")
    image = usd_each("per image in the prompt")
    request = usd_each("per request")
    tiers = models.JSONField("tiers by tokens of prompt", default=list, blank=True)
    source = models.CharField(max_length=300, blank=True, help_text="Where the price was read.")
    source_date = models.DateField("read on", null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["deployment", "effective_from"]
        verbose_name = "price"
        constraints = [models.UniqueConstraint(fields=["deployment", "effective_from"], name="one_price_at_a_time")]

    def __str__(self) -> str:
        since = "the beginning" if self.effective_from == BEGINNING else f"{self.effective_from:%Y-%m-%d %H:%M} UTC"
        return f"{self.deployment} from {since}"

    @property
    def usd(self) -> UsdPrice:
        """The price as a value."""
        tiers = msgspec.convert(self.tiers, tuple[UsdTier, ...])
        return UsdPrice(**{name: getattr(self, name) for name in COLUMNS}, tiers=tiers)


def columns_of(usd: UsdPrice) -> dict[str, Any]:
    """The columns that hold `usd`."""
    return {name: getattr(usd, name) for name in COLUMNS} | {"tiers": msgspec.to_builtins(list(usd.tiers))}
