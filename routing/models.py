"""Policies: how candidates are ordered. Read on the data plane through `routing.policybook`."""

from django.db import models
from django.utils import timezone

from routing.policies import kind_choices


class Policy(models.Model):
    """A named way of ordering candidates; `auto:<name>` asks for it."""

    name = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=32, choices=kind_choices)
    weights = models.JSONField(
        default=dict,
        blank=True,
        help_text='For weighted policies: {"cost": 30, "latency": 40, "uptime": 30, "quality": 0}',
    )
    order = models.JSONField(
        default=list, blank=True, help_text='For ordered and pinned policies: ["openai/gpt-5-mini"], then the rest'
    )
    client_tasks = models.JSONField(
        default=dict,
        blank=True,
        help_text='Policies for background tasks of front ends: {"title": "cost-optimized", "*": "fast"}',
    )
    recovery = models.BooleanField(
        "recovery: goes on with streams that break off",
        default=False,
        help_text="Another attempt continues the answer; the stream is marked. Both attempts are paid for.",
    )
    hedging = models.BooleanField(
        "hedging: asks a second deployment when the first token is late",
        default=False,
        help_text="Later than 95 % of the deployment's answers begin; in one request of twenty at most. Both are paid.",
    )
    description = models.TextField(blank=True)
    enabled = models.BooleanField(default=True)
    drill = models.BooleanField("belongs to the resilience drill", default=False, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    """What a policy decided from `made_at` on; written by `routing.versions` alone, and never changed."""

    policy = models.ForeignKey(Policy, on_delete=models.SET_NULL, null=True, related_name="versions")
    name = models.SlugField(max_length=64, help_text="The policy's name then.")
    number = models.PositiveIntegerField()
    decides = models.JSONField(default=dict)  # the fields that change decisions (`routing.versions.DECIDES`)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.CharField(max_length=150, blank=True)  # empty: by an upgrade
    via = models.CharField(max_length=16, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["name", "number"], name="policy_version")]
        default_permissions = ()  # who may see or change the policy may see or restore its versions

    def __str__(self) -> str:
        return f"{self.name}, version {self.number}"


class DrillRun(models.Model):
    """One resilience drill: asked for, played, and what each of its scenarios came to."""

    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(auto_now_add=True)
    pace = models.FloatField(default=1.0)
    scenarios = models.JSONField(default=list)  # names, in order
    scores = models.JSONField(default=list)  # of those that are over (`routing.drill.scores.Score`)
    message = models.CharField("why it could not run", max_length=500, blank=True)
    started_at = models.DateTimeField(null=True)
    alive_at = models.DateTimeField(null=True)  # its last sign of life: it may have been killed
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "resilience drill"

    def __str__(self) -> str:
        return f"drill {self.pk}"


class HealthReset(models.Model):
    """An operator's wish that workers forget what health remembers, or open a breaker; each obeys every row once."""

    scope = models.CharField(max_length=300, blank=True, help_text="provider, provider/model, or empty for all")
    opens = models.BooleanField(default=False)  # leave it alone for a cooldown, instead of forgetting
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.scope or "everything"


class WorkerTrouble(models.Model):
    """What a web worker knew at an instant that needs somebody: a list of `providers.attention.Notice`."""

    worker = models.CharField(max_length=64, unique=True)
    told = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        default_permissions = ()  # of machines, for machines

    def __str__(self) -> str:
        return self.worker
