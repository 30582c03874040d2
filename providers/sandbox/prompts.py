"""What a chat asks for, free of any wire format."""

from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

Role = Literal["system", "user", "assistant", "tool"]


class ToolUse(Struct, frozen=True):
    """One call of a tool, asked for by the model."""

    name: str
    arguments: dict[str, Any] | str = {}  # a string is sent as it is, valid JSON or not
    id: str = ""


class ToolSpec(Struct, frozen=True):
    """A tool that the model may call; `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: dict[str, Any]


class Image(Struct, frozen=True):
    """An image part: `size` in bytes, None where the caller sent only an address."""

    media_type: str
    size: int | None


@dataclass(frozen=True)
class Turn:
    role: Role
    text: str = ""
    images: tuple[Image, ...] = ()
    tool_uses: tuple[ToolUse, ...] = ()
    tool_name: str = ""  # of a tool's result, where the wire says it
    cached: bool = False  # the caller marked the prompt up to here for caching


@dataclass(frozen=True)
class Prompt:
    model: str
    turns: tuple[Turn, ...]
    stream: bool = False
    include_usage: bool = True
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    seed: int = 0
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"  # auto, none, required or the name of a tool
    parallel: bool = True
    schema: dict[str, Any] | None = None  # the answer must be an instance; {} is any object
    thinking: bool = False
    window: int | None = None  # tokens beyond which the wire drops the oldest turns in silence
    explicit_cache: bool = False  # cached only where `Turn.cached` says so
    extra: dict[str, Any] = field(default_factory=dict)  # what the wire itself needs again

    @property
    def question(self) -> str:
        """The text of the last user turn."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(image for turn in self.turns for image in turn.images)
