"""What an attempt is aimed at: one deployment with everything the wire needs, frozen, free of the ORM."""

from typing import Final

from msgspec import Struct

from providers.chat import TokenUsage

PICO_PER_NANO: Final = 1000
KEEPS_NOTHING: Final = "zdr"


class Secret(Struct, frozen=True, repr_omit_defaults=True):
    """A credential in the clear; its `repr` shows the last four characters only."""

    id: int
    value: str
    last_four: str

    def __repr__(self) -> str:
        return f"Secret(…{self.last_four})"


class Timeouts(Struct, frozen=True):
    """Seconds per phase of one attempt, from its start but for `stall_s`; these are a hosted chat model's."""

    connect_s: float = 3.0  # name resolution included
    first_byte_s: float = 30.0  # of a stream
    whole_s: float = 300.0  # the first byte of a whole answer: it comes when all of it is generated
    first_token_s: float = 60.0
    stall_s: float = 30.0  # between two reads of a stream
    total_s: float = 600.0


class Price(Struct, frozen=True):
    """Pico-dollars per token (= USD per million tokens x 1,000,000), so that sums are exact integers."""

    input: int
    output: int
    cached_input: int | None = None  # None: cached tokens cost as much as others
    cache_write: int | None = None

    def cost_nano_usd(self, usage: TokenUsage) -> int:
        """The cost of `usage` in nano-dollars, rounded half up once."""
        plain = usage.prompt - usage.cached - usage.cache_write
        cached = self.input if self.cached_input is None else self.cached_input
        write = self.input if self.cache_write is None else self.cache_write
        pico = plain * self.input + usage.cached * cached + usage.cache_write * write + usage.completion * self.output
        return (pico + PICO_PER_NANO // 2) // PICO_PER_NANO

    def most_nano_usd(self, prompt: int, completion: int) -> int:
        """The most that so many tokens can cost, whatever of the prompt is read from a cache or written to one."""
        dearest = max(self.input, self.cached_input or 0, self.cache_write or 0)
        return -(-(prompt * dearest + completion * self.output) // PICO_PER_NANO)


class Target(Struct, frozen=True):
    """One deployment, ready to be called. Identity is `id`; `name` is `provider/model`."""

    id: int
    provider_id: int
    model_id: int
    provider: str
    model: str
    upstream_model: str
    wire: str
    base_url: str
    secrets: tuple[Secret, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()  # of the model
    context: int | None = None  # tokens, prompt and answer together; None = unknown
    max_output: int | None = None
    capabilities: frozenset[str] = frozenset()  # tools, vision, json_schema, json_mode, reasoning, embeddings …
    price: Price | None = None  # None = unknown, never free
    quality: float | None = None  # prior, 0..1: the deployment's, else the model's
    category_quality: tuple[tuple[str, float], ...] = ()
    ttft_ms: float | None = None  # the catalogue's prior of speed, until measured
    tokens_per_s: float | None = None
    timeouts: Timeouts = Timeouts()
    retries: int = 2  # further attempts on this deployment after the first
    local: bool = False  # runs on the operator's own hardware
    data_policy: str = ""  # of the provider: one of `Provider.DataPolicy`; empty = unknown
    quantization: str = ""  # of the weights, e.g. fp8; empty = unknown
    unsupported: str = "default"  # what becomes of parameters that the wire lacks: one of `providers.parameters.WAYS`

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"
