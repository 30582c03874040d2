"""What a chat asks for, free of any wire format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from msgspec import Struct

Role = Literal["system", "user", "assistant", "tool"]


class ToolUse(Struct, frozen=True):
    """One call of a tool, asked for by the model."""

    name: str
    arguments: dict[str, Any] | str = {}  # a string is sent as it is, valid JSON or not
    id: str = ""

    @property
    def arguments_text(self) -> str:
        """The arguments as JSON, as they are sent."""
        return self.arguments if isinstance(self.arguments, str) else msgspec.json.encode(self.arguments).decode()


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
    answers_to: str = ""  # of a tool's result: the id, or on some wires the name, of the tool use
    cached: Literal["", "5m", "1h"] = ""  # the caller marked the prompt up to here for caching, for so long


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
    caching: Literal["automatic", "marked", "none"] = "automatic"
    leaves: bool = False  # an empty prompt that unloads the model
    load_s: float = 0.0  # that the model takes first because it is not in memory
    body: Mapping[str, Any] = field(default_factory=dict)  # what the form needs of the request to answer

    @property
    def question(self) -> str:
        """The text of the last user turn."""
        return self.last_asked.text

    @property
    def last_asked(self) -> Turn:
        return next((turn for turn in reversed(self.turns) if turn.role == "user"), Turn("user"))

    @property
    def prefill(self) -> str:
        """The beginning of the answer that the caller asks to go on with; empty where the answer begins anew."""
        last = self.turns[-1] if self.turns else Turn("user")
        return last.text if last.role == "assistant" and not last.tool_uses else ""

    @property
    def plain_model(self) -> str:
        """The model's name without a fault's suffix."""
        return self.model.partition("!")[0]

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(image for turn in self.turns for image in turn.images)


def unanswered_tool_use(turns: tuple[Turn, ...]) -> str | None:
    """The id of the first tool use that the very next turns do not answer, as every vendor demands; None: all are."""
    pending: list[str] = []
    for turn in turns:
        if turn.role == "tool":
            pending = [id_ for id_ in pending if id_ != turn.answers_to]
        elif pending:
            return pending[0]
        else:
            pending = [use.id for use in turn.tool_uses]
    return pending[0] if pending else None


def orphan_tool_result(turns: tuple[Turn, ...]) -> str | None:
    """The id of the first tool result that answers no tool use of the turn before it."""
    asked: set[str] = set()
    for turn in turns:
        if turn.role != "tool":
            asked = {use.id for use in turn.tool_uses}
        elif turn.answers_to not in asked:
            return turn.answers_to
    return None
