"""Which output items does an answer have, and which events tell of each while it grows? In the order OpenAI sends them.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from abc import ABC, abstractmethod
from typing import Any, Final, Literal

from routing.surfaces.forms.responses_tools import Origin

Json = dict[str, Any]
Status = Literal["in_progress", "completed", "incomplete"]
TEXT: Final = "output_text"
REFUSAL: Final = "refusal"


class GrowingItem(ABC):
    """One item of the output. `index` is its place; events come without `sequence_number`."""

    def __init__(self, id: str, index: int) -> None:
        self.id = id
        self.index = index

    def opened(self) -> list[Json]:
        """The events with which the item begins."""
        return [self._event("response.output_item.added", item=self.item("in_progress"))]

    def closed(self, status: Status) -> list[Json]:
        """The events with which it ends."""
        done = {"type": "response.output_item.done", "output_index": self.index, "item": self.item(status)}
        return [*self._last(), done]

    @abstractmethod
    def item(self, status: Status) -> Json:
        """The item as it stands."""

    @abstractmethod
    def _last(self) -> list[Json]:
        """What is said of the item's parts before the item itself is done."""

    def _event(self, kind: str, **fields: Any) -> Json:
        place: Json = {"output_index": self.index}
        return {"type": kind} | ({} if "item" in fields else {"item_id": self.id}) | place | fields


class MessageItem(GrowingItem):
    """Text and refusals, each in a part of its own."""

    def __init__(self, id: str, index: int) -> None:
        super().__init__(id, index)
        self._parts: list[Json] = []
        self._pieces: list[str] = []  # of the last part

    def more(self, kind: str, text: str, logprobs: list[Json]) -> list[Json]:
        """A piece of text (`output_text`) or of a refusal."""
        events = []
        if not self._parts or self._parts[-1]["type"] != kind:
            events = [*self._last(), self._begun(kind)]
        self._pieces.append(text)
        at = len(self._parts) - 1
        if kind == REFUSAL:
            return [*events, self._event("response.refusal.delta", content_index=at, delta=text)]
        if logprobs:
            self._parts[-1]["logprobs"] += logprobs
        return [*events, self._event("response.output_text.delta", content_index=at, delta=text, logprobs=logprobs)]

    def item(self, status: Status) -> Json:
        self._gather()
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": [*self._parts]}

    def _begun(self, kind: str) -> Json:
        part: Json = {"type": kind, "annotations": [], "logprobs": [], "text": ""}
        self._parts.append(part if kind == TEXT else {"type": kind, "refusal": ""})
        self._pieces = []
        shown = dict(self._parts[-1])
        return self._event("response.content_part.added", content_index=len(self._parts) - 1, part=shown)

    def _last(self) -> list[Json]:
        if not self._parts:
            return []
        self._gather()
        at, part = len(self._parts) - 1, self._parts[-1]
        if part["type"] == REFUSAL:
            done = self._event("response.refusal.done", content_index=at, refusal=part["refusal"])
        else:
            said = {"text": part["text"], "logprobs": part["logprobs"]}
            done = self._event("response.output_text.done", content_index=at, **said)
        return [done, self._event("response.content_part.done", content_index=at, part=part)]

    def _gather(self) -> None:
        if self._parts:
            part = self._parts[-1]
            part["text" if part["type"] == TEXT else REFUSAL] = "".join(self._pieces)


class ReasoningItem(GrowingItem):
    """What the model thought: a summary where the caller asked for one, else the reasoning's own text."""

    def __init__(self, id: str, index: int, summary: bool) -> None:
        super().__init__(id, index)
        self._summary = summary
        self._kind = "summary_text" if summary else "reasoning_text"
        self._delta = "response.reasoning_summary_text" if summary else "response.reasoning_text"
        self._part = "response.reasoning_summary_part" if summary else "response.content_part"
        self._at = {"summary_index" if summary else "content_index": 0}
        self._pieces: list[str] = []

    def opened(self) -> list[Json]:
        begun = {"type": self._kind, "text": ""}
        return [*super().opened(), self._event(f"{self._part}.added", part=begun, **self._at)]

    def more(self, text: str) -> list[Json]:
        self._pieces.append(text)
        return [self._event(f"{self._delta}.delta", delta=text, **self._at)]

    def item(self, status: Status) -> Json:
        said = [{"type": self._kind, "text": "".join(self._pieces)}] if self._pieces else []
        parts: Json = {"summary": said} if self._summary else {"summary": [], "content": said}
        return {"id": self.id, "type": "reasoning", "status": status} | parts

    def _last(self) -> list[Json]:
        text = "".join(self._pieces)
        return [
            self._event(f"{self._delta}.done", text=text, **self._at),
            self._event(f"{self._part}.done", part={"type": self._kind, "text": text}, **self._at),
        ]


class CallItem(GrowingItem):
    """A call of a function. Its arguments pass as they come, whatever they are."""

    def __init__(self, id: str, index: int, call_id: str, origin: Origin) -> None:
        super().__init__(id, index)
        self._call_id = call_id
        self._origin = origin
        self._pieces: list[str] = []

    def more(self, arguments: str) -> list[Json]:
        self._pieces.append(arguments)
        return [self._event("response.function_call_arguments.delta", delta=arguments)] if arguments else []

    def item(self, status: Status) -> Json:
        named = self._named("function_call") | {"arguments": self._arguments}
        return named | {"status": status}

    @property
    def _arguments(self) -> str:
        return "".join(self._pieces)

    def _named(self, kind: str) -> Json:
        origin = self._origin
        place = {"namespace": origin.namespace} if origin.namespace else {}
        return {"id": self.id, "type": kind, "call_id": self._call_id, "name": origin.name} | place

    def _last(self) -> list[Json]:
        said = {"name": self._origin.name, "arguments": self._arguments}
        return [self._event("response.function_call_arguments.done", **said)]


class CustomCallItem(CallItem):
    """A call of a tool that takes free text; it stands inside the arguments, and is known when they are complete."""

    def more(self, arguments: str) -> list[Json]:
        self._pieces.append(arguments)
        return []

    def item(self, status: Status) -> Json:
        return self._named("custom_tool_call") | {"input": self._text}

    @property
    def _text(self) -> str:
        return self._origin.text_of(self._arguments) if self._pieces else ""

    def _last(self) -> list[Json]:
        text = self._text
        kind = "response.custom_tool_call_input"
        return [self._event(f"{kind}.delta", delta=text), self._event(f"{kind}.done", input=text)]
