"""Who calls: a client key with its tenant's rights and limits, frozen, free of the ORM."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Per tenant; None = unlimited."""

    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_minute: int | None = None


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
    limits: Limits = Limits()
    explain: bool = False  # `routing_metadata` in every answer
    operator: bool = False
    drill: bool = False  # the resilience drill: it sees its own deployments and policies, and nobody else's
    expires_at: float | None = None  # seconds since the epoch
