"""The rows of price lists: what was read when, and what that would change. `providers.pricesync` makes them."""

import msgspec
from django.db import models
from django.db.models import Q

from providers.usdprice import UsdPrice


class PriceListReading(models.Model):
    """One reading of a public price list."""

    list_name = models.CharField(max_length=32)
    url = models.CharField(max_length=500)
    read_at = models.DateTimeField()
    entries = models.PositiveIntegerField("prices in it")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.list_name} of {self.read_at:%Y-%m-%d %H:%M}"


class PriceProposal(models.Model):
    """A price that a list has and a deployment has not: a person accepts or declines it."""

    class State(models.TextChoices):
        OPEN = "open", "To be decided"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"

    deployment = models.ForeignKey("providers.Deployment", on_delete=models.CASCADE, related_name="proposals")
    reading = models.ForeignKey(PriceListReading, on_delete=models.CASCADE, related_name="proposals")
    price = models.JSONField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "price proposal"
        constraints = [
            models.UniqueConstraint(fields=["deployment"], condition=Q(state="open"), name="one_open_proposal"),
        ]

    def __str__(self) -> str:
        return f"{self.deployment} by {self.reading.list_name}"

    @property
    def usd(self) -> UsdPrice:
        """The proposed price as a value."""
        return msgspec.convert(self.price, UsdPrice)
