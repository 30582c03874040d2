"""What one call to the sandbox is told to answer."""

from typing import Any

from msgspec import Struct

from providers.sandbox.replies import Finish


class ScriptedCall(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, Any] | str = {}
    id: str = ""


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One call's script: what is said, which fault happens, and the fault's options; None leaves it to the sandbox."""

    text: str | None = None
    pieces: tuple[str, ...] | None = None  # the text, in exactly these events
    reasoning: str = ""
    tool_calls: tuple[ScriptedCall, ...] = ()
    finish: Finish | None = None
    finish_as: str | None = None  # the wire's own word for why it ended, known or not
    usage: dict[str, int] | None = None  # the fields of `replies.Usage`
    body: str | None = None  # sent exactly so, with `status`, instead of an answer
    raw: bytes | None = None  # the same for what is no text; base64 in JSON
    status: int = 200
    headers: dict[str, str] = {}  # beside or in place of the wire's own
    fault: str | None = None
    retry_after: str | float | None = None  # of a 429 or 503: sent as it stands
    after: int | None = None  # content events before the fault happens
    seconds: float | None = None  # how long a slow fault takes
    size: int | None = None  # bytes of big_line and gzip_bomb
    streams: bool = False  # a stream comes although JSON was asked for, and the fault happens to it

    @property
    def own_bytes(self) -> bytes | None:
        return self.raw if self.body is None else self.body.encode()

    @property
    def speaks(self) -> bool:
        """Whether it says what is answered."""
        return self.text is not None or self.pieces is not None or bool(self.tool_calls or self.reasoning)
