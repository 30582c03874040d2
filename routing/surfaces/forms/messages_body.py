"""What does a Messages body say? Typed where we read it, open where clients send what nobody knows yet.

https://docs.claude.com/en/api/messages
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from routing.asked import Wishes

NOTHING: Final = Raw(b"null")
THINKS: Final = frozenset({"enabled", "adaptive", "between_tools"})


class Source(Struct):
    """Where an image or a document is: inside as base64 or text, at a URL, in Anthropic's store, or as blocks."""

    type: str = ""
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    content: Raw = NOTHING


class Block(Struct):
    """A content block of any kind; what several kinds use differently stays as JSON."""

    type: str
    text: str | None = None
    source: Raw = NOTHING
    title: Any = None
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")
    tool_use_id: str = ""
    content: Raw = NOTHING
    is_error: bool | None = None
    signature: Any = None
    data: Any = None


class Turn(Struct):
    role: str
    content: str | list[Block]


class Tool(Struct):
    """A tool; those of Anthropic's own have a `type` other than "custom" and no schema."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None


class ToolChoice(Struct):
    type: str
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class Thinking(Struct):
    type: str = ""
    budget_tokens: int | None = None
    display: str | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the caller wants to read what the model thinks."""
        return self.type in THINKS and self.display != "omitted"


class Format(Struct):
    type: str = ""
    schema: dict[str, Any] | None = None


class OutputConfig(Struct):
    effort: str | None = None
    format: Format | None = None


class Metadata(Struct):
    user_id: str | None = None


class MessagesBody(Struct, kw_only=True):
    """A request for a message. `max_tokens` is required by Anthropic; others need none."""

    model: str
    messages: list[Turn]
    max_tokens: int | None = None
    system: str | list[Block] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None  # how the first version of structured outputs was asked for
    metadata: Metadata | None = None


class ThinkingWish(Struct):
    """The one field of a request that decides how an answer is written."""

    thinking: Thinking | None = None


READ: Final = frozenset(MessagesBody.__struct_fields__) | frozenset(Wishes.__struct_fields__)
decode_body: Final = msgspec.json.Decoder(MessagesBody).decode
decode_content: Final = msgspec.json.Decoder(str | list[Block] | None).decode
decode_source: Final = msgspec.json.Decoder(Source).decode
_decode_names: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_wish: Final = msgspec.json.Decoder(ThinkingWish).decode


def unread(raw: bytes) -> list[str]:
    """The top-level fields that a chat has no place for, and that say something."""
    return [name for name, value in _decode_names(raw).items() if name not in READ and value != NOTHING]


def shows_thinking(raw: bytes) -> bool:
    """Whether the caller of this body wants to read what the model thinks."""
    wish = _decode_wish(raw).thinking
    return wish is not None and wish.is_shown
