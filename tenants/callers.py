"""Who calls: a client key with its tenant's rights and limits, frozen, free of the ORM."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct, structs

from providers.realms import OURS, Realm
from providers.reserved import AUTO, AUTO_COLON


class Limits(Struct, frozen=True):
    """Of a tenant, or of one client key; None = unlimited."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    concurrent_requests: int | None = None


NO_LIMITS: Final = Limits()
LONGEST_KEPT_DAYS: Final = 365  # that a tenant may keep prompts and answers
LIMITS: Final = Limits.__struct_fields__
EVERYTHING: Final = "*"
# What a key may be kept from asking for, in the words of its scope; `GatewayView.route` says which address is which.
ROUTES: Final[Mapping[str, str]] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages, and counting its tokens",
    "embeddings": "/v1/embeddings",
    "prompt": "/prompt and /api/route",
    "route": "/v1/route, the decision alone",
    "feedback": "/v1/feedback, /api/feedback and /api/eval",
    "requests": "/v1/requests, what became of one",
    "usage": "/v1/usage",
    "health": "/v1/health/providers",
}


class Scope(Struct, frozen=True, cache_hash=True):
    """What one client key may of what its tenant may; an empty part is all of that. Models and policies are patterns.

    It only ever takes away: whatever it says, the tenant's lists hold as well.
    """

    models: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`models gpt-*, ollama/*; routes chat`; empty where it takes nothing away."""
        parts = structs.asdict(self).items()
        return "; ".join(f"{part} {', '.join(names)}" for part, names in parts if names)

    def has_model(self, *names: str) -> bool:
        """Whether a deployment is within it, by its model's name and as provider/model."""
        return not self.models or admits(self.models, *names)

    @property
    def plain_policies(self) -> tuple[str, ...]:
        """Its policies as patterns of their names: `auto:cheap` is the policy cheap."""
        return tuple([name.removeprefix(AUTO_COLON) for name in self.policies])

    def has_policy(self, *names: str) -> bool:
        """Whether a policy is within it, by its name and its short one."""
        return not self.policies or admits(self.plain_policies, *names)


WHOLE: Final = Scope()


def scope_of(models: Iterable[str], policies: Iterable[str], routes: Iterable[str]) -> Scope:
    """The scope of three lists as they are stored: an empty one and one with `*` both take nothing away."""
    found = Scope(*(() if EVERYTHING in given else given for given in map(tuple, (models, policies, routes))))
    return WHOLE if found == WHOLE else found


def admits(patterns: tuple[str, ...], *names: str) -> bool:
    """Whether one of the shell patterns fits one of the names."""
    return EVERYTHING in patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


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
    scope: Scope = WHOLE  # of this key alone, within what the tenant may
    explain: bool = False  # `routing_metadata` in every answer
    keeps_bodies: bool = False  # prompts and answers are kept for `tenants.models.Tenant.keep_bodies_days`
    operator: bool = False
    realm: Realm = OURS  # who is kept apart sees its own deployments, and nobody else's
    expires_at: float | None = None  # seconds since the epoch

    def may_call(self, *names: str) -> bool:
        """Whether tenant and key both admit a model that no catalogue has, by its name and as provider/model."""
        return admits(self.allow_models, *names) and self.scope.has_model(*names)

    def may_choose(self, *names: str) -> bool:
        """Whether tenant and key both admit a policy, by its name and its short one."""
        return admits(self.allow_policies, *names) and self.scope_has_policy(*names)

    def scope_has_policy(self, *names: str) -> bool:
        """Whether the key admits a policy, whoever leads to it; `auto` in a scope is the tenant's default of now."""
        return self.scope.has_policy(*names) or (AUTO in self.scope.policies and self.default_policy in names)

    @property
    def may_weigh(self) -> bool:
        """Whether it may bring weights of its own: who may use some policies only has them decide as they are."""
        return EVERYTHING in self.allow_policies and not self.scope.policies

    @property
    def reads_key(self) -> int | None:
        """The key whose records alone it may read: its own, where its scope has models or policies, as records of
        others tell of what is outside; None: all of its tenant's."""
        return self.key_id if self.scope.models or self.scope.policies else None
