"""What may stand in a configuration file: field by field, with types and limits.

UNSET is a field that the file does not give (what is stored stays), None an explicit null (unknown or unlimited).
"""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from providers.usdprice import UsdPrice
from tenants.callers import LONGEST_KEPT_DAYS

T = TypeVar("T")
LARGEST: Final = 2_147_483_647  # of a database integer
DAY_S: Final = 86_400

ProviderName = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z0-9][a-z0-9._-]*\Z",
        max_length=64,
        description="lower-case letters, digits, dots, dashes and _",
        examples=["acme"],
    ),
]
ModelName = Annotated[
    str, Meta(pattern=r"\A\S+\Z", max_length=200, description="a text without spaces", examples=["gpt-5-mini"])
]
Slug = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9_-]+\Z", max_length=64, description="letters, digits, dashes and _", examples=["team-a"]
    ),
]
EnvironmentName = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z_][A-Za-z0-9_]*\Z",
        max_length=64,
        description="the name of a variable: letters, digits and _",
        examples=["ACME_API_KEY"],
    ),
]
SecretText = Annotated[str, Meta(min_length=1, max_length=4096)]
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
AtLeastOne = Annotated[int, Meta(ge=1, le=LARGEST)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(gt=0, le=DAY_S)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]


class Section(Struct, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the file; a field that no section knows is an error."""


class Price(UsdPrice, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """USD per million tokens; `effective_from`: None is now."""

    effective_from: Annotated[datetime, Meta(tz=True)] | None = None


Prices = Price | list[Price] | None | UnsetType


class Timeouts(Section):
    """None leaves a phase to the kind of deployment."""

    connect: Seconds | None | UnsetType = UNSET
    first_byte: Seconds | None | UnsetType = UNSET
    first_token: Seconds | None | UnsetType = UNSET
    stall: Seconds | None | UnsetType = UNSET
    total: Seconds | None | UnsetType = UNSET


class Deployment(Section):
    model: ModelName
    upstream_model: ModelName | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    context: AtLeastOne | None | UnsetType = UNSET
    max_output: AtLeastOne | None | UnsetType = UNSET
    price: Prices = UNSET
    capabilities: list[str] | UnsetType = UNSET
    quantization: Annotated[str, Meta(max_length=16)] | UnsetType = UNSET
    unsupported: Literal["default", "exclude", "drop"] | UnsetType = UNSET
    quality: Share | None | UnsetType = UNSET
    ttft_ms: Positive | None | UnsetType = UNSET
    tokens_per_s: Positive | None | UnsetType = UNSET
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Annotated[int, Meta(ge=0, le=2)] | UnsetType = UNSET


class ProviderFields(Section):
    """A provider without what reads this machine's environment, and without what it serves."""

    name: ProviderName
    wire: str | UnsetType = UNSET
    base_url: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    allow_private: bool | UnsetType = UNSET
    local: bool | UnsetType = UNSET
    data_policy: Literal["", "collects", "retains", "zdr"] | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    credential: SecretText | list[SecretText] | UnsetType = UNSET


class Provider(ProviderFields):
    credential_env: EnvironmentName | list[EnvironmentName] | UnsetType = UNSET
    deployments: list[Deployment] | None = None


class Model(Section):
    name: ModelName
    aliases: list[ModelName] | UnsetType = UNSET
    quality: Share | None | UnsetType = UNSET
    category_quality: dict[str, int | float] | UnsetType = UNSET
    description: str | UnsetType = UNSET


class Limits(Section):
    """Of a tenant or of a key; None is unlimited."""

    requests_per_minute: Count | None | UnsetType = UNSET
    tokens_per_minute: Count | None | UnsetType = UNSET
    requests_per_day: Count | None | UnsetType = UNSET
    concurrent_requests: Count | None | UnsetType = UNSET


class Allow(Section):
    """Of a tenant: what it may. An empty list is nothing."""

    models: list[str] | UnsetType = UNSET
    policies: list[str] | UnsetType = UNSET


class KeyAllow(Section):
    """Of a key: what it may of what its tenant may. An empty list, or one with `*`, is all of that."""

    models: list[ModelName] | UnsetType = UNSET
    policies: list[ModelName] | UnsetType = UNSET
    routes: list[ModelName] | UnsetType = UNSET


class KeyFields(Section):
    """A client key without what reads this machine's environment."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    value: str | UnsetType = UNSET
    operator: bool | UnsetType = UNSET
    expires_at: Annotated[datetime, Meta(tz=True)] | None | UnsetType = UNSET
    limits: Limits = field(default_factory=Limits)
    allow: KeyAllow = field(default_factory=KeyAllow)


class Key(KeyFields):
    value_env: EnvironmentName | UnsetType = UNSET


class Low(Section):
    percent: Annotated[int, Meta(ge=1, le=100)]
    policy: str


class Budget(Section):
    """One limit, in USD or in tokens, of all of a tenant's requests or of those with a key or a tag."""

    period: Literal["day", "week", "month", "total"]
    usd: Annotated[float, Meta(ge=0, lt=1e9)] | None = None
    tokens: Annotated[int, Meta(ge=0, lt=2**62)] | None = None
    hard: bool | UnsetType = UNSET
    key: str = ""
    tag: str = ""
    alerts: list[Annotated[int, Meta(ge=1, le=1000)]] | UnsetType = UNSET
    low: Low | None | UnsetType = UNSET
    unpriced: Literal["refuse", "allow"] | UnsetType = UNSET


class TenantFields(Section):
    """A tenant without its keys."""

    name: Slug
    enabled: bool | UnsetType = UNSET
    limits: Limits = field(default_factory=Limits)
    budgets: list[Budget] | None = None
    allow: Allow = field(default_factory=Allow)
    default_policy: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    explain: bool | UnsetType = UNSET
    keep_bodies_days: Annotated[int, Meta(ge=0, le=LONGEST_KEPT_DAYS)] | UnsetType = UNSET


class Tenant(TenantFields):
    keys: list[Key] | None = None


class OfBudget(Section):
    """Which budget of a tenant: it is known by these four."""

    period: Literal["day", "week", "month", "total"]
    unit: Literal["usd", "tokens"] = "usd"
    key: str = ""
    tag: str = ""


class ReceiverFields(Section):
    """Who is told, without what reads this machine's environment. `tenant` None: of the installation."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    tenant: str | None = None
    enabled: bool | UnsetType = UNSET
    email: Annotated[str, Meta(min_length=1, max_length=254)] | UnsetType = UNSET
    url: SecretText | UnsetType = UNSET
    key: SecretText | UnsetType = UNSET
    allow_private: bool | UnsetType = UNSET
    budget_alerts: bool | UnsetType = UNSET
    budget: OfBudget | None | UnsetType = UNSET
    findings: Literal["none", "failing", "harmful", "all"] | UnsetType = UNSET


class Receiver(ReceiverFields):
    url_env: EnvironmentName | UnsetType = UNSET
    key_env: EnvironmentName | UnsetType = UNSET


class Policy(Section):
    name: Slug
    kind: str | UnsetType = UNSET
    weights: dict[str, int | float] | UnsetType = UNSET
    order: list[str] | UnsetType = UNSET
    client_tasks: dict[str, str] | UnsetType = UNSET
    recovery: bool | UnsetType = UNSET
    hedging: bool | UnsetType = UNSET
    description: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class Config(Section):
    """The whole file; every part is optional."""

    providers: list[Provider] | None = None
    models: list[Model] | None = None
    tenants: list[Tenant] | None = None
    policies: list[Policy] | None = None
    receivers: list[Receiver] | None = None


def given(value: T | UnsetType, otherwise: T) -> T:
    """The file's value, or another where the file gives none."""
    return otherwise if isinstance(value, UnsetType) else value
