"""Jobs with their leases, and what was measured: latency profiles, how models count tokens, samples of the GPUs."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Job(models.Model):
    """One run of a job kind. The row is the truth; a Celery message is only a hint to look here."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    kind = models.CharField(max_length=64)
    window = models.CharField(max_length=64, help_text="What this run is for; a kind runs once per window.")
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    order = models.JSONField(null=True, blank=True, help_text="What exactly was asked for; none: the kind says it all.")
    due_at = models.DateTimeField(help_text="Not before.")
    leased_by = models.CharField(max_length=128, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Past: its worker died, another takes the job.")
    attempts = models.PositiveSmallIntegerField(default=0)
    progress = models.FloatField(default=0.0, help_text="0 to 1")
    message = models.TextField(blank=True)
    result = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("view_system", "Can view system page")]
        constraints = [models.UniqueConstraint(fields=["kind", "window"], name="job_once_per_window")]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=["queued", "running"]), name="job_open"),
            models.Index(fields=["finished_at"], name="job_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.window}"


class Lease(models.Model):
    """A right that one process at a time holds, e.g. to be the beat."""

    name = models.CharField(max_length=64, primary_key=True)
    holder = models.CharField(max_length=128)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class LatencyProfile(models.Model):
    """How quick and how reliable a deployment has been over the last hours. None: too few samples to say."""

    deployment = models.ForeignKey("providers.Deployment", on_delete=models.CASCADE, related_name="+")
    hours = models.PositiveSmallIntegerField("over the last hours")
    attempts = models.PositiveIntegerField()
    answered = models.PositiveIntegerField()
    error_rate = models.FloatField(null=True)
    ttft_p50_ms = models.FloatField("TTFT p50, ms", null=True)
    ttft_p95_ms = models.FloatField("TTFT p95, ms", null=True)
    total_p50_ms = models.FloatField("total p50, ms", null=True)
    tokens_per_s = models.FloatField("tokens/s", null=True)
    measured_at = models.DateTimeField()

    class Meta:
        ordering = ["deployment", "hours"]
        constraints = [models.UniqueConstraint(fields=["deployment", "hours"], name="one_profile_per_span")]

    def __str__(self) -> str:
        return f"{self.deployment} over {self.hours} h"


class TokenCalibration(models.Model):
    """How many tokens of a prompt a model's providers report for each that we estimate from its characters."""

    model = models.OneToOneField("providers.LanguageModel", on_delete=models.CASCADE, related_name="+")
    factor = models.FloatField(help_text="Tokens reported for each that we estimate; estimates are multiplied by it.")
    pairs = models.PositiveIntegerField("requests compared")
    typical_error = models.FloatField(help_text="By what share a calibrated estimate is off all the same, on average.")
    measured_at = models.DateTimeField()
    known_since = models.DateTimeField(default=timezone.now, help_text="Estimates before it went without a factor.")

    class Meta:
        ordering = ["model"]

    def __str__(self) -> str:
        return f"{self.model} × {self.factor:.2f}"


class GpuSample(models.Model):
    """What one GPU of this machine was doing at one moment."""

    taken_at = models.DateTimeField(db_index=True)
    host = models.CharField(max_length=128)
    gpu = models.CharField("GPU", max_length=64, help_text="Its UUID")
    name = models.CharField(max_length=128)
    used_bytes = models.BigIntegerField("VRAM used, bytes")
    total_bytes = models.BigIntegerField("VRAM, bytes")
    busy_percent = models.PositiveSmallIntegerField(null=True)
    power_w = models.FloatField("power, W", null=True)
    power_limit_w = models.FloatField("power limit, W", null=True)
    temperature_c = models.FloatField("temperature, °C", null=True)

    class Meta:
        ordering = ["-taken_at", "gpu"]
        verbose_name = "GPU sample"

    def __str__(self) -> str:
        return f"{self.name} {self.taken_at:%Y-%m-%d %H:%M:%S}"


class ModelStay(models.Model):
    """A time in which one local server kept one model in memory, from the first look that saw it to the last one.

    Without a model it is a time in which the server answered: what it did not name then was not in memory. `vram_bytes`
    is the part on the GPU, `size_bytes` all of it; None is not told. When one of them changes, another stay begins.
    """

    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=300, blank=True)
    deployment_id = models.BigIntegerField(null=True)
    vram_bytes = models.BigIntegerField("VRAM, bytes", null=True)
    size_bytes = models.BigIntegerField("in memory, bytes", null=True)
    since = models.DateTimeField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-since", "provider", "model"]

    def __str__(self) -> str:
        return f"{self.model or 'answered'} at {self.provider}, {self.since:%Y-%m-%d %H:%M} to {self.until:%H:%M}"
