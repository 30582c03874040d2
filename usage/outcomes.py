"""What happened, as it is journalled: one Outcome per request with its attempts. The database rows mirror these fields.

Ids are UUIDv7 as 32 hex digits (the wire shows `req_<hex>`). Instants are UTC microseconds since the epoch, durations
milliseconds, money nano-dollars. None is unknown, never 0.
"""

from typing import Literal

from msgspec import Raw, Struct

from providers.chat import TokenUsage
from tenants.charges import Charge

AttemptKind = Literal["first", "retry", "failover", "fallback", "hedge", "recovery"]
Status = Literal["answered", "failed", "rejected", "cancelled", "interrupted"]


class AttemptOutcome(Struct, omit_defaults=True):
    """One call of one deployment. Offsets count from the request's start."""

    index: int
    deployment_id: int
    deployment: str  # provider/model
    provider: str
    model: str
    kind: AttemptKind = "first"
    started_ms: float = 0.0
    first_byte_ms: float | None = None
    first_token_ms: float | None = None
    ended_ms: float = 0.0
    status: Literal["answered", "failed", "cancelled", "interrupted"] = "failed"
    committed: bool = False
    error: str | None = None  # class name in the tree of design.md, e.g. "RateLimited"
    error_message: str | None = None
    upstream_status: int | None = None
    retry_after_s: float | None = None
    credential: str | None = None  # last four characters
    served_model: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None  # kept for five minutes
    cache_write_1h_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    images: int | None = None  # in the prompt, where they are billed by number
    estimated: bool = False
    held_nano_usd: int | None = None  # set aside of budgets before it was sent; None: no budget in money applied
    cost_nano_usd: int | None = None
    upstream_request_id: str | None = None  # by which the upstream knows the call

    @property
    def usage(self) -> TokenUsage:
        """The tokens as they were billed; a part that is not recorded was not reported."""
        return TokenUsage(
            self.prompt_tokens or 0,
            self.completion_tokens or 0,
            cached=self.cached_tokens or 0,
            reasoning=self.reasoning_tokens or 0,
            cache_write=self.cache_write_tokens or 0,
            cache_write_1h=self.cache_write_1h_tokens or 0,
            audio_input=self.audio_input_tokens or 0,
            audio_output=self.audio_output_tokens or 0,
            images=self.images or 0,
        )


class Kept(Struct, omit_defaults=True):
    """What was said, where the tenant keeps it: the JSON of the prompt, and of the answer (of a stream, its events)."""

    prompt: bytes
    answer: bytes = b""
    cut: bool = False  # one of them was too long to be kept whole


class Load(Struct):
    """Requests that the worker had at one deployment, and how many of these waited for the first content."""

    running: int = 0
    waiting: int = 0


class Outcome(Struct, omit_defaults=True):
    """One request, whole: written once, when the story is over."""

    id: str
    started_us: int
    tenant_id: int
    tenant: str
    key_id: int
    key_prefix: str
    surface: str = "chat"
    stream: bool = False
    status: Status = "failed"
    http_status: int = 200
    error: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    asked_model: str = ""
    policy: str | None = None
    policy_version: int | None = None
    deployment_id: int | None = None  # who answered
    provider: str | None = None
    model: str | None = None
    served_model: str | None = None
    response_id: str | None = None
    first_choice: str | None = None  # deployment name of the plan's first candidate
    why: str | None = None  # one short sentence
    attempts_count: int = 0
    failovers: int = 0
    category: str | None = None
    complexity: float | None = None
    modality: str | None = None
    has_tools: bool = False
    session: str | None = None
    tags: list[str] = []
    client_task: str | None = None
    finish_reason: str | None = None
    estimated_prompt_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    estimated: bool = False  # tokens are our estimate
    forecast_low_nano_usd: int | None = None
    forecast_high_nano_usd: int | None = None
    cost_nano_usd: int | None = None  # of all attempts that were billed
    overhead_ms: float = 0.0  # our own time
    ttft_ms: float | None = None
    total_ms: float = 0.0
    warnings: list[str] = []
    recovered: bool = False  # a cut stream was gone on with, by an attempt of kind "recovery"
    features: Raw | None = None  # JSON object: everything found
    decision: Raw | None = None  # JSON object: weights and every candidate with scores or the rule that excluded it
    attempts: list[AttemptOutcome] = []
    busy: dict[str, Load] | None = None  # candidates that were at work then; a part of the decision in the record
    apart: bool = False  # counts in the sums of its own tenant alone; not part of the record
    charges: list[Charge] = []  # to budgets; settled by the shipper, not part of the record
    kept: Kept | None = None  # in a table of its own; not part of the record

    @property
    def decisive(self) -> AttemptOutcome:
        """The attempt that the caller's answer, or its end, came from; the last one where nobody answered."""
        for attempt in reversed(self.attempts):
            if attempt.committed or attempt.status == "answered":
                return attempt
        return self.attempts[-1]
