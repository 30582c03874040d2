"""The shapes of what a caller may read of its own use and of the providers' health."""

from typing import Literal

from msgspec import Struct


class Used(Struct):
    """Sums over requests; `cost_usd` is of those whose price is known, None where none is."""

    requests: int
    answered: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: str | None
    unpriced_requests: int


class LimitLeft(Struct):
    """A limit of the tenant or of the asking key (`of`), what is left of it, and when it begins anew."""

    name: str
    of: Literal["tenant", "key"]
    limit: int
    remaining: int
    resets_at: str | None  # none of what runs at once


class BudgetLeft(Struct):
    """A budget in its present window; amounts in `unit` (usd or tokens), as decimal strings.

    `reserved` is held by running requests or in the hands of workers; `remaining` is the limit less both.
    """

    name: str
    unit: str
    period: str
    hard: bool
    tag: str | None
    of_key: bool  # counts this key's requests alone
    limit: str
    spent: str
    reserved: str
    remaining: str
    resets_at: str | None


class OwnUsage(Struct):
    """The tenant's use, and the asking key's part of the month."""

    object: str
    tenant: str
    key: str
    as_of: str
    today: Used
    month: Used
    key_month: Used
    limits: list[LimitLeft]
    budgets: list[BudgetLeft]


DeploymentState = Literal["healthy", "open", "half_open", "cooldown"]


class DeploymentHealth(Struct):
    """One deployment. `state`: healthy; open (its circuit breaker is: called only when nobody else is left); half_open
    (the next request is its probe); or cooldown (no credential may be used: not called before `back_in_s`).

    `breaker`: closed, open or half_open; it last changed `breaker_since_s` seconds ago, and its next probe is due in
    `next_probe_in_s` seconds, null while one is under way.
    """

    deployment: str
    model: str
    state: DeploymentState
    reason: str | None
    back_in_s: float | None
    breaker: Literal["closed", "open", "half_open"]
    breaker_since_s: float | None
    next_probe_in_s: float | None
    failures_in_a_row: int
    ttft_ms: float | None
    error_rate: float | None


class BarredCredentials(Struct):
    """How many of a provider's credentials are left alone at the moment, and why."""

    rate_limited: int
    quota_exhausted: int
    credential_rejected: int


class ProviderHealth(Struct):
    """A provider: `healthy`, `degraded` when some of its deployments are not healthy, `down` when none is called.
    `breaker`: the mildest of its deployments', open where none may be called."""

    provider: str
    state: Literal["healthy", "degraded", "down"]
    breaker: Literal["closed", "open", "half_open"]
    ttft_ms: float | None
    error_rate: float | None
    barred_credentials: BarredCredentials
    deployments: list[DeploymentHealth]


class ProviderHealthList(Struct):
    object: str
    window_s: int
    data: list[ProviderHealth]
