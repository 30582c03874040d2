"""Who calls: a client key with its tenant's rights and limits, frozen, free of the ORM."""

from typing import Final

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Of a tenant, or of one client key; None = unlimited."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    concurrent_requests: int | None = None


NO_LIMITS: Final = Limits()
LONGEST_KEPT_DAYS: Final = 365  # that a tenant may keep prompts and answers
LIMITS: Final = Limits.__struct_fields__


class BudgetSpec(Struct, frozen=True):
    """A budget that a caller's requests count against; `limit` in nano-dollars or tokens, as `unit` says."""

    id: int
    unit: str
    limit: int
    period: str
    zone: str
    hard: bool
    phrase: str  # how a refusal names it
    tag: str = ""  # only requests with this tag; empty: all
    key_id: int | None = None  # only requests of this key; None: all
    allows_unpriced: bool = False
    low_percent: int = 0
    low_policy: str = ""


class Caller(Struct, frozen=True):
    """The bearer of one client key. `allow_*` are shell patterns: `*`, `gpt-*`, `openai/*`."""

    tenant_id: int
    tenant: str
    key_id: int
    key_name: str
    key_prefix: str
    allow_models: tuple[str, ...] = ("*",)
    allow_policies: tuple[str, ...] = ("*",)
    default_policy: str = "balanced"
    budgets: tuple[BudgetSpec, ...] = ()
    limits: Limits = NO_LIMITS  # of the tenant, shared by all of its keys
    key_limits: Limits = NO_LIMITS  # of this key alone, within the tenant's
    explain: bool = False  # `routing_metadata` in every answer
    keeps_bodies: bool = False  # prompts and answers are kept for `tenants.models.Tenant.keep_bodies_days`
    operator: bool = False
    drill: bool = False  # the resilience drill: it sees its own deployments and policies, and nobody else's
    expires_at: float | None = None  # seconds since the epoch
