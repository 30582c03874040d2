"""Who is told when a budget passes a threshold, and what became of it? `tenants.alerting` writes these."""

from typing import Final

from django.db import models

from tenants.budgets import Budget


class AlertReceiver(models.Model):
    """A webhook of a budget. Its URL often is a secret by itself: it is sealed with the key that signs."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="receivers")
    name = models.CharField(max_length=64, help_text="What it leads to, e.g. finance-channel.")
    shown = models.CharField("address", max_length=300, editable=False)  # without its path
    ciphertext = models.BinaryField(editable=False)  # of `tenants.alerting.Hook`
    allow_private = models.BooleanField(
        "may be on a private address", default=False, help_text="Loopback and private networks are refused otherwise."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["budget", "pk"]
        constraints = [models.UniqueConstraint(fields=["budget", "name"], name="alert_receiver_name_per_budget")]

    def __str__(self) -> str:
        return f"{self.name} of {self.budget}"


class BudgetAlert(models.Model):
    """A threshold that a budget passed in a period: once, whoever looks."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="passed")
    start = models.BigIntegerField()  # of the period, seconds since the epoch
    percent = models.PositiveSmallIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["budget", "start", "percent"], name="budget_alert_once")]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.budget}"


class AlertDelivery(models.Model):
    """One message to one receiver: sent as it was written, tried again until it is taken, or given up."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    receiver = models.ForeignKey(AlertReceiver, on_delete=models.CASCADE, related_name="deliveries")
    alert = models.ForeignKey(BudgetAlert, on_delete=models.CASCADE, related_name="deliveries")
    message = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["receiver", "alert"], name="alert_delivered_once")]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(state="waiting"), name="alert_delivery_due")]

    def __str__(self) -> str:
        return f"{self.alert} to {self.receiver.name}"


MOST_TRIES: Final = 8
