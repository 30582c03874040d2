"""Tenants and the keys their applications present. Read on the data plane through `tenants.keyring`."""

from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from providers.realms import DEMO, DRILL, OURS, Realm
from tenants.alertrows import AlertDelivery, AlertReceiver, BudgetAlert
from tenants.budgets import Budget, BudgetLease, BudgetWindow
from tenants.callers import LONGEST_KEPT_DAYS, Scope, scope_of
from tenants.people import Authenticator, Membership, RoleGrant

__all__ = [
    "AlertDelivery",
    "AlertReceiver",
    "Authenticator",
    "Budget",
    "BudgetAlert",
    "BudgetLease",
    "BudgetWindow",
    "ClientKey",
    "Membership",
    "RoleGrant",
    "Tenant",
    "apart",
    "own",
]
UNLIMITED = "Empty: unlimited."


def everything() -> list[str]:
    """The default allow list."""
    return ["*"]


def check_zone(name: str) -> None:
    """A name of the time zone database."""
    if name not in available_timezones():
        raise ValidationError(f"{name} is no time zone; e.g. UTC or Europe/Berlin")


class Limited(models.Model):
    """Who has limits; the names are those of `tenants.callers.Limits`."""

    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text=UNLIMITED)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text=UNLIMITED)
    requests_per_day = models.PositiveIntegerField(null=True, blank=True, help_text=UNLIMITED)
    concurrent_requests = models.PositiveIntegerField(null=True, blank=True, help_text=UNLIMITED)

    class Meta:
        abstract = True


class Scoped(models.Model):
    """Who may less than its tenant; an empty list, or one with `*`, takes nothing away (`tenants.callers.Scope`)."""

    allow_models = models.JSONField("models", default=list, blank=True)
    allow_policies = models.JSONField("policies", default=list, blank=True)
    allow_routes = models.JSONField("routes", default=list, blank=True)

    class Meta:
        abstract = True

    @property
    def scope(self) -> Scope:
        """The three lists as the data plane reads them."""
        return scope_of(self.allow_models, self.allow_policies, self.allow_routes)


class Tenant(Limited):
    """Who may call, and how much: a team, a product or a customer."""

    name = models.SlugField(max_length=64, unique=True)
    enabled = models.BooleanField(default=True)
    allow_models = models.JSONField(
        default=everything, help_text='Patterns of model or provider/model names: ["*"], ["gpt-*", "ollama/*"]'
    )
    allow_policies = models.JSONField(default=everything, help_text='Patterns of policy names: ["*"]')
    default_policy = models.CharField(max_length=64, default="balanced")
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[check_zone], help_text="Whose midnight ends the days of budgets."
    )
    explain = models.BooleanField("add routing_metadata to every answer", default=False)
    keep_bodies_days = models.PositiveSmallIntegerField(
        "keep prompts and answers, days",
        default=0,
        validators=[MaxValueValidator(LONGEST_KEPT_DAYS)],
        help_text="0: they are not kept. Who has the right read_bodies reads them, and the audit log says so.",
    )
    drill = models.BooleanField("belongs to the resilience drill", default=False, editable=False)
    demo = models.BooleanField("holds sample traffic", default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        permissions = [("see_every_tenant", "Can see every tenant")]

    def __str__(self) -> str:
        return self.name

    @property
    def realm(self) -> Realm:
        """Whose deployments it sees."""
        return DRILL if self.drill else DEMO if self.demo else OURS


def own(path: str = "") -> Q:
    """The condition, on what `path` leads to, of tenants that somebody configured: not those that are kept apart."""
    return Q(**{f"{path}drill": False, f"{path}demo": False})


def apart(path: str = "") -> Q:
    """The condition, on what `path` leads to, of tenants that are kept apart; rows without a tenant are not."""
    return Q(**{f"{path}drill": True}) | Q(**{f"{path}demo": True})


class ClientKey(Limited, Scoped):
    """A key that OUR caller presents: shown once, kept as an HMAC (`tenants.keys`)."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=64)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    operator = models.BooleanField("may use the operator API", default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    lent_to = models.ForeignKey(  # `tenants.lentkeys`; empty: an application's
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="+"
    )
    owner = models.ForeignKey(  # whose it is on "My usage": who made it, or whom the API named; empty: nobody's
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["tenant", "name"]
        permissions = [
            ("rotate_key", "Can rotate client key"),
            ("use_playground", "Can use the playground, at a tenant's cost"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="client_key_name_per_tenant"),
            models.UniqueConstraint(fields=["tenant", "lent_to"], name="client_key_lent_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"

    @property
    def state(self) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= timezone.now() else "active"
