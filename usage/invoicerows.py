"""The rows of invoices that were compared with our records: kept, so that a comparison can be looked at again."""

from django.db import models


class Invoice(models.Model):
    """What a provider billed for one month (UTC)."""

    provider = models.CharField(max_length=64)
    month = models.DateField(help_text="Its first day.")
    file_name = models.CharField(max_length=200)
    imported_at = models.DateTimeField(auto_now_add=True)
    imported_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.provider} {self.month:%Y-%m}"


class InvoiceLine(models.Model):
    """What was billed for one model, by the provider's name of it. None is not said."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    model = models.CharField(max_length=200)
    usd = models.DecimalField(max_digits=20, decimal_places=9, null=True)
    prompt_tokens = models.BigIntegerField(null=True)
    completion_tokens = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["model"]

    def __str__(self) -> str:
        return f"{self.invoice} {self.model}"
