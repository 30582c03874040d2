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
    """Pico-dollars per token (= USD per million tokens x 1,000,000), so that sums are exact integers.

    A part of the tokens that has no rate of its own costs as the whole that it belongs to. Above a tier's number of
    prompt tokens the tier's price counts for the whole request, as Anthropic and Google bill it.
    """

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None  # None: as cache_write
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    image: int = 0  # pico-dollars per image in the prompt, beside its tokens
    request: int = 0  # pico-dollars per call
    tiers: tuple["Tier", ...] = ()  # ascending

    def cost_nano_usd(self, usage: TokenUsage) -> int:
        """The cost of `usage` in nano-dollars, rounded half up once."""
        price = self._above(usage.prompt) if self.tiers else self
        return (price._pico(usage) + PICO_PER_NANO // 2) // PICO_PER_NANO

    def most_nano_usd(self, prompt: int, completion: int, images: int = 0) -> int:
        """What no usage of at most these totals exceeds, however its tokens are cached, spoken or thought."""
        dearest = [self, *(tier.price for tier in self.tiers if prompt > tier.above)]
        pico = (
            max(p._dearest_input() for p in dearest) * prompt + max(p._dearest_output() for p in dearest) * completion
        )
        return (pico + self.request + images * self.image + PICO_PER_NANO // 2) // PICO_PER_NANO

    def _above(self, prompt: int) -> "Price":
        for tier in reversed(self.tiers):
            if prompt > tier.above:
                return tier.price
        return self

    def _pico(self, usage: TokenUsage) -> int:
        pico = usage.prompt * self.input + usage.completion * self.output + usage.images * self.image + self.request
        parts = usage.cached or usage.cache_write or usage.cache_write_1h or usage.audio_input
        return pico + self._parts_pico(usage) if parts or usage.reasoning or usage.audio_output else pico

    def _parts_pico(self, usage: TokenUsage) -> int:
        written_1h = self.cache_write if self.cache_write_1h is None else self.cache_write_1h
        pico = _apart(usage.cached, self.cached_input, self.input)
        pico += _apart(usage.cache_write, self.cache_write, self.input)
        pico += _apart(usage.cache_write_1h, written_1h, self.input)
        pico += _apart(usage.audio_input, self.audio_input, self.input)
        pico += _apart(usage.audio_output, self.audio_output, self.output)
        return pico + _apart(usage.reasoning, self.reasoning, self.output)

    def _dearest_input(self) -> int:
        parts = (self.cached_input, self.cache_write, self.cache_write_1h, self.audio_input)
        return max(self.input, *(rate or 0 for rate in parts))

    def _dearest_output(self) -> int:
        return max(self.output, self.reasoning or 0, self.audio_output or 0)


class Tier(Struct, frozen=True):
    """The whole price of a request with more than `above` tokens of prompt."""

    above: int
    price: Price


def _apart(tokens: int, rate: int | None, whole: int) -> int:
    """What a part of the tokens costs beyond what it costs as a part of the whole."""
    return tokens * (rate - whole) if tokens and rate is not None else 0


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
