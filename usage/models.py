"""What happened, in the database: records of requests and attempts, and how far the shipper is, its only writer.

The columns mirror `usage.outcomes`. On PostgreSQL both record tables are partitioned by month (`usage.partitions`). The
sums that panels read are in `usage.rollups`.
"""

from datetime import UTC, datetime

from django.db import models
from django.db.models import Q

from usage.bodies import RequestBody
from usage.invoicerows import Invoice, InvoiceLine
from usage.rollups import AttemptRollup, FlowRollup, KeyRollup, LatencyRollup, RequestRollup, StateRollup, TagRollup

__all__ = [
    "AttemptRecord",
    "AttemptRollup",
    "FlowRollup",
    "Invoice",
    "InvoiceLine",
    "KeyRollup",
    "LatencyRollup",
    "RequestBody",
    "RequestRecord",
    "RequestRollup",
    "ShipperMark",
    "StateRollup",
    "TagRollup",
]


class RequestRecord(models.Model):
    """One request, whole: written once, when the story is over. Every query carries a bound on `id`."""

    id = models.UUIDField(primary_key=True)
    tags = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    features = models.TextField(null=True)  # JSON as it was journalled: read whole or not at all
    decision = models.TextField(null=True)
    started_us = models.BigIntegerField()
    tenant_id = (
        models.BigIntegerField()
    )  # no foreign keys: records outlive what they name, and partitions detach freely
    tenant = models.TextField()
    key_id = models.BigIntegerField()
    key_prefix = models.TextField()
    surface = models.TextField()
    stream = models.BooleanField()
    status = models.TextField()
    http_status = models.IntegerField()
    error = models.TextField(null=True)
    error_code = models.TextField(null=True)
    error_message = models.TextField(null=True)
    asked_model = models.TextField()
    policy = models.TextField(null=True)
    policy_version = models.IntegerField(null=True)
    deployment_id = models.BigIntegerField(null=True)
    provider = models.TextField(null=True)
    model = models.TextField(null=True)
    served_model = models.TextField(null=True)
    response_id = models.TextField(null=True)
    first_choice = models.TextField(null=True)
    why = models.TextField(null=True)
    attempts_count = models.IntegerField()
    failovers = models.IntegerField()
    category = models.TextField(null=True)
    complexity = models.FloatField(null=True)
    modality = models.TextField(null=True)
    has_tools = models.BooleanField()
    session = models.TextField(null=True)
    client_task = models.TextField(null=True)
    finish_reason = models.TextField(null=True)
    estimated_prompt_tokens = models.BigIntegerField(null=True)
    prompt_tokens = models.BigIntegerField(null=True)
    completion_tokens = models.BigIntegerField(null=True)
    cached_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    estimated = models.BooleanField()
    forecast_low_nano_usd = models.BigIntegerField(null=True)
    forecast_high_nano_usd = models.BigIntegerField(null=True)
    cost_nano_usd = models.BigIntegerField(null=True)
    overhead_ms = models.FloatField()
    ttft_ms = models.FloatField(null=True)
    total_ms = models.FloatField()

    class Meta:
        permissions = [
            ("read_bodies", "Can read prompts and answers"),
            ("cancel_request", "Can cancel a running request"),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="request_tenant"),
            models.Index(fields=["key_id", "id"], name="request_key"),
            models.Index(fields=["provider", "id"], name="request_provider"),
            models.Index(fields=["model", "id"], name="request_model"),
            models.Index(fields=["policy", "id"], name="request_policy"),
            models.Index(fields=["category", "id"], name="request_task"),
            # Most requests are answered at once: those are found by id, the others by these small indexes.
            models.Index(fields=["status", "id"], condition=~Q(status="answered"), name="request_troubled"),
            models.Index(fields=["first_choice", "id"], condition=Q(failovers__gt=0), name="request_failed_over"),
            models.Index(fields=["id"], condition=Q(failovers__gt=0), name="request_failed_over_id"),
            models.Index(fields=["id"], condition=Q(cost_nano_usd__isnull=True), name="request_without_cost"),
            models.Index(fields=["session", "id"], condition=Q(session__isnull=False), name="request_session"),
            models.Index(fields=["error", "id"], condition=Q(error__isnull=False), name="request_error"),
        ]

    def __str__(self) -> str:
        return f"req_{self.id.hex}"

    @property
    def started_at(self) -> datetime:
        return datetime.fromtimestamp(self.started_us / 1e6, UTC)


class AttemptRecord(models.Model):
    """One call of one deployment; its `id` is made from its request's (`usage.ids.attempt_id`)."""

    id = models.UUIDField(primary_key=True)
    request_id = models.UUIDField()
    tenant_id = models.BigIntegerField()
    index = models.IntegerField()
    deployment_id = models.BigIntegerField()
    deployment = models.TextField()
    provider = models.TextField()
    model = models.TextField()
    kind = models.TextField()
    started_ms = models.FloatField()
    first_byte_ms = models.FloatField(null=True)
    first_token_ms = models.FloatField(null=True)
    ended_ms = models.FloatField()
    status = models.TextField()
    committed = models.BooleanField()
    error = models.TextField(null=True)
    error_message = models.TextField(null=True)
    upstream_status = models.IntegerField(null=True)
    retry_after_s = models.FloatField(null=True)
    credential = models.TextField(null=True)
    served_model = models.TextField(null=True)
    finish_reason = models.TextField(null=True)
    prompt_tokens = models.BigIntegerField(null=True)
    completion_tokens = models.BigIntegerField(null=True)
    cached_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    cache_write_tokens = models.BigIntegerField(null=True)
    cache_write_1h_tokens = models.BigIntegerField(null=True)
    audio_input_tokens = models.BigIntegerField(null=True)
    audio_output_tokens = models.BigIntegerField(null=True)
    images = models.IntegerField(null=True)
    estimated = models.BooleanField()
    held_nano_usd = models.BigIntegerField(null=True)
    cost_nano_usd = models.BigIntegerField(null=True)
    upstream_request_id = models.TextField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["deployment", "id"], condition=~Q(status="answered"), name="attempt_troubled"),
            # By the request's id, which is by time too: ordered by its own id, PostgreSQL walks the primary key.
            models.Index(
                fields=["provider", "credential", "request_id"],
                condition=Q(credential__isnull=False),
                name="attempt_credential",
            ),
            # What tells whose and where stands in it too, so that failures are counted off without their rows.
            models.Index(
                fields=["error", "request_id", "tenant_id", "deployment"],
                condition=Q(error__isnull=False),
                name="attempt_error",
            ),
        ]

    def __str__(self) -> str:
        return f"req_{self.request_id.hex} attempt {self.index}"


class ShipperMark(models.Model):
    """How far a segment of a spool has been shipped; committed together with the rows it counts."""

    segment = models.TextField(primary_key=True)
    position = models.BigIntegerField()  # where the last row that was shipped ends (`usage.rowlog`)

    def __str__(self) -> str:
        return f"{self.segment} {self.position}"
