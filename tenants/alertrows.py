"""Who is told of budgets and findings, and what became of it? `tenants.alerting` and `tenants.findingalerts` write."""

from typing import Final

from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.budgets import Budget


class AlertReceiver(models.Model):
    """A webhook or an e-mail address. A webhook's URL often is a secret: it is sealed with the key that signs."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Webhook"
        EMAIL = "email", "E-mail"

    class Findings(models.TextChoices):
        NONE = "none", "None"
        FAILING = "failing", "Those by which requests fail or are refused now"
        HARMFUL = "harmful", "Those, and what costs money or will do harm"
        ALL = "all", "All, also what is only worth knowing"

    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.CASCADE, related_name="receivers", null=True, blank=True,
        help_text="Is told of this tenant's budgets and findings. Empty: of every tenant's budgets, and of findings "
        "that are no tenant's.",
    )  # fmt: skip
    budget = models.ForeignKey(
        Budget, on_delete=models.CASCADE, related_name="receivers", null=True, blank=True,
        verbose_name="only this budget", help_text="Empty: every budget of the tenant.",
    )  # fmt: skip
    name = models.CharField(max_length=64, help_text="What it leads to, e.g. finance-channel.")
    enabled = models.BooleanField(default=True, help_text="Off: is told nothing.")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.WEBHOOK)
    email = models.EmailField("e-mail address", blank=True, help_text="One address, e.g. finance@example.com.")
    shown = models.CharField("address", max_length=300, editable=False)  # of a webhook without its path
    ciphertext = models.BinaryField(editable=False, default=b"")  # of `tenants.webhooks.Hook`
    allow_private = models.BooleanField(
        "may be on a private address", default=False, help_text="Loopback and private networks are refused otherwise."
    )
    budget_alerts = models.BooleanField(default=True, help_text="Each threshold that a budget passes, once a period.")
    findings = models.CharField(
        max_length=8, choices=Findings, default=Findings.NONE,
        help_text="What needs somebody, by the list of the dashboard: once when it begins, once when it is over.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="alert_receiver_name_per_tenant"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(tenant=None), name="alert_receiver_name_of_installation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}" if self.tenant_id else self.name


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


class ToldFinding(models.Model):
    """A finding that a receiver knows of. It is over when it has been gone for a while: `gone_at` is since when."""

    receiver = models.ForeignKey(AlertReceiver, on_delete=models.CASCADE, related_name="told")
    about = models.CharField(max_length=300)
    told = models.JSONField()  # as it was when it began
    gone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["receiver", "about"], name="told_finding_once")]

    def __str__(self) -> str:
        return f"{self.about} to {self.receiver.name}"


class AlertDelivery(models.Model):
    """One message to one receiver: sent as it was written, tried again until it is taken, or given up."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    receiver = models.ForeignKey(AlertReceiver, on_delete=models.CASCADE, related_name="deliveries")
    alert = models.ForeignKey(BudgetAlert, on_delete=models.CASCADE, related_name="deliveries", null=True)
    test = models.BooleanField(default=False)  # somebody asked for it: tried once, by a job of its own
    message = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    answer = models.CharField(max_length=300, blank=True)  # of who took it

    class Meta:
        verbose_name = "message"
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["receiver", "alert"], name="alert_delivered_once")]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(state="waiting"), name="alert_delivery_due")]

    def __str__(self) -> str:
        return f"{self.message.get('event', 'message')} to {self.receiver.name}"


MOST_TRIES: Final = 8
