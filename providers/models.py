"""Providers, their credentials, models, deployments and prices. Read elsewhere through `providers.catalog`."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from providers.adapters import wire_choices
from providers.addresses import check_base_url
from providers.parameters import DEFAULT, WAYS
from providers.pricerows import DeploymentPrice
from providers.proposalrows import PriceListReading, PriceProposal

__all__ = [
    "AuditEntry",
    "Credential",
    "Deployment",
    "DeploymentPrice",
    "LanguageModel",
    "PriceListReading",
    "PriceProposal",
    "Provider",
    "Revision",
]

PROBABILITY = [MinValueValidator(0.0), MaxValueValidator(1.0)]
SLUG_HELP = "Lower-case letters, digits, dots, dashes: it appears in model names as provider/model."
SLUG = RegexValidator(r"\A[a-z0-9][a-z0-9._-]*\Z", "Lower-case letters, digits, dots and dashes only, e.g. llama.cpp")


class Revision(models.Model):
    """How often a part of the configuration has changed; workers compare it to theirs (`providers.revisions`)."""

    part = models.CharField(max_length=32, primary_key=True)
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.part} {self.number}"


class Provider(models.Model):
    """A company or server with a base URL."""

    class Source(models.TextChoices):
        ADMIN = "admin", "Entered by an operator"
        FILE = "file", "From a configuration file"
        DISCOVERED = "discovered", "Found in the environment"
        SANDBOX = "sandbox", "Sandbox"
        DRILL = "drill", "Resilience drill"
        DEMO = "demo", "Sample traffic"

    class DataPolicy(models.TextChoices):
        UNKNOWN = "", "Unknown"
        COLLECTS = "collects", "May keep prompts or train on them"
        RETAINS = "retains", "Retains prompts for a while, does not train on them"
        ZDR = "zdr", "Retains nothing (zero data retention)"

    name = models.CharField(max_length=64, unique=True, validators=[SLUG], help_text=SLUG_HELP)
    wire = models.CharField("wire format", max_length=32, choices=wire_choices)
    # Not a URLField: its validator refuses the one-word hosts of container networks, such as http://ollama:11434.
    base_url = models.CharField(max_length=500, help_text="Up to and with the version, e.g. https://api.openai.com/v1")
    enabled = models.BooleanField(default=True)
    allow_private = models.BooleanField(
        "may be on a private address", default=False, help_text="Loopback and private networks are refused otherwise."
    )
    local = models.BooleanField("runs on our own hardware", default=False)
    data_policy = models.CharField(
        "what becomes of prompts", max_length=16, choices=DataPolicy.choices, default="", blank=True,
        help_text="For callers who wish provider.data_collection: deny or provider.zdr. Empty: unknown.",
    )  # fmt: skip
    headers = models.JSONField("extra headers", default=dict, blank=True, help_text='E.g. {"X-Title": "NeuroRoute"}')
    source = models.CharField(max_length=16, choices=Source.choices, default=Source.ADMIN, editable=False)
    # When a test of the connection last worked: its models were listed.
    reached_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if not self.base_url:
            return  # its field says so, or why it refused what was given
        try:
            check_base_url(self.base_url, self.allow_private)
        except ValueError as exc:
            raise ValidationError({"base_url": str(exc)}) from exc


def in_use(now: datetime, path: str = "") -> models.Q:
    """Credentials that are presented at `now`; `path` leads to them, e.g. `credentials__`."""
    lasting = models.Q(**{f"{path}expires_at": None}) | models.Q(**{f"{path}expires_at__gt": now})
    return models.Q(**{f"{path}enabled": True}) & lasting


class Credential(models.Model):
    """A key that WE present to a provider: encrypted at rest, never shown again."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=64, default="default")
    ciphertext = models.BinaryField(editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on it is not presented any more. Empty: never."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["provider", "id"]
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="credential_name_per_provider")]

    def __str__(self) -> str:
        return f"{self.name} …{self.last_four}"


class LanguageModel(models.Model):
    """A model by OUR name, whoever serves it."""

    name = models.CharField(max_length=200, unique=True)
    aliases = models.JSONField(default=list, blank=True, help_text='Other names that lead here, e.g. ["gpt-latest"]')
    quality = models.FloatField(
        null=True, blank=True, validators=PROBABILITY, help_text="Prior, 0 to 1. Empty: unknown."
    )
    category_quality = models.JSONField(
        default=dict, blank=True, help_text='Priors per kind of task, e.g. {"coding": 0.8}'
    )
    description = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "model"

    def __str__(self) -> str:
        return self.name


def time_limit(label: str, help_text: str) -> Any:
    """A column of a phase's time limit; empty leaves it to the kind of deployment (`providers.timelimits`)."""
    return models.FloatField(
        f"{label} timeout, s", null=True, blank=True, validators=[MinValueValidator(0.001)], help_text=help_text
    )


class Deployment(models.Model):
    """One model at one provider: what is called, priced and cooled down."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="deployments")
    model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="deployments")
    upstream_model = models.CharField("provider's name of the model", max_length=200)
    enabled = models.BooleanField(default=True)
    context = models.PositiveIntegerField("context, tokens", null=True, blank=True)
    max_output = models.PositiveIntegerField("longest answer, tokens", null=True, blank=True)
    capabilities = models.JSONField(
        default=list, blank=True, help_text='Of tools, vision, json_mode, json_schema, reasoning, embeddings: ["tools"]'
    )
    quantization = models.CharField(
        max_length=16, blank=True, default="", help_text="Of the weights, e.g. fp8 or int4. Empty: unknown."
    )
    unsupported = models.CharField(
        "what the wire cannot carry", max_length=16, choices=list(WAYS.items()), default=DEFAULT,
        help_text="E.g. n, logprobs, a forced tool call on Ollama.",
    )  # fmt: skip
    quality = models.FloatField(
        null=True, blank=True, validators=PROBABILITY, help_text="Prior, 0 to 1. Empty: the model's."
    )
    ttft_ms = models.FloatField("expected time to first token, ms", null=True, blank=True)
    tokens_per_s = models.FloatField("expected speed, tokens/s", null=True, blank=True)
    connect_timeout_s = time_limit("connect", "From the start to a connection, with the look-up of the name.")
    first_byte_timeout_s = time_limit("first byte", "From the start to the headers, of streams and of whole answers.")
    first_token_timeout_s = time_limit("first token", "From the start to the first content of a stream.")
    stall_timeout_s = time_limit("stall", "The longest silence within a stream.")
    total_timeout_s = time_limit("total", "From the start to the end of the answer.")
    retries = models.PositiveSmallIntegerField(
        "retries on this deployment", default=2, validators=[MaxValueValidator(2)]
    )

    class Meta:
        ordering = ["provider", "model"]
        permissions = [("drain_deployment", "Can drain deployment")]
        constraints = [models.UniqueConstraint(fields=["provider", "model"], name="deployment_once_per_provider")]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class AuditEntry(models.Model):
    """One change of the configuration, kept for good: written by `providers.audit`, never edited."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.CharField("who", max_length=150, db_index=True)
    via = models.CharField("through", max_length=16)
    address = models.GenericIPAddressField("from", null=True)
    action = models.CharField(max_length=32)
    kind = models.CharField("what", max_length=64, db_index=True)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField("which", max_length=300)
    changes = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=40, blank=True, default="", db_index=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.kind} {self.object_name}"
