"""What the sandbox answers, free of any wire format: replies, their tokens, and the troubles that stand in for them."""

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from providers.sandbox.prompts import Prompt, ToolUse

Finish = Literal["stop", "length", "tool_calls", "content_filter"]
TroubleKind = Literal[
    "invalid",
    "context",
    "content",
    "auth",
    "forbidden",
    "not_found",
    "rate_limit",
    "quota",
    "server",
    "unavailable",
    "overloaded",
    "timeout",
]


class Reply(Struct, frozen=True):
    """One answer. `pieces` joined are its text; each is sent as one event of a stream."""

    pieces: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()
    tool_uses: tuple[ToolUse, ...] = ()
    finish: Finish = "stop"
    stopped_at: str | None = None  # the stop sequence that ended it
    finish_as: str | None = None  # the wire's own word for the finish, sent as it stands

    @property
    def finish_word(self) -> str:
        return self.finish_as or self.finish

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class Usage(Struct, frozen=True):
    """Tokens; `cached`, `cache_write` and `audio_input` are parts of `prompt`, `reasoning` of `completion`."""

    prompt: int
    completion: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cache_write_1h: int = 0  # a part of `cache_write`
    audio_input: int = 0


@dataclass(frozen=True)
class Exchange:
    """A prompt with its answer: everything that a wire needs to write it down."""

    id: str
    created: int
    model: str
    prompt: Prompt
    replies: tuple[Reply, ...]
    usage: Usage
    seconds: tuple[float, float] = (0.0, 0.0)  # that the model needs for the prompt and for the answer


class Trouble(Exception):
    """The sandbox refuses, as a vendor would: `kind` chooses the words of the wire."""

    def __init__(
        self,
        kind: TroubleKind,
        message: str,
        *,
        status: int,
        param: str | None = None,
        code: str | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.param = param
        self.code = code  # where the vendor's is not the usual one of this kind
        self.retry_after = retry_after  # when to come back, as it is told


def invalid(message: str, param: str | None = None, code: str | None = None) -> Trouble:
    """The vendor's 400."""
    return Trouble("invalid", message, status=400, param=param, code=code)
