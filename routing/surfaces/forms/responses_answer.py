"""How does a chat's answer become a response object? Piece by piece; a whole answer is one that came in few pieces."""

from typing import Any, Final, Literal

from msgspec import Struct

from providers.chat import Delta, TokenUsage, ToolCall
from providers.wire.responses_request import OUR_REASONING
from routing.surfaces.forms.responses_body import ResponsesBody
from routing.surfaces.forms.responses_items import (
    REFUSAL,
    TEXT,
    CallItem,
    CustomCallItem,
    GrowingItem,
    Json,
    MessageItem,
    ReasoningItem,
    Status,
)
from routing.surfaces.forms.responses_tools import ToolNames

INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
ECHOED: Final = frozenset({"function", "custom", "namespace"})
Ending = Literal["in_progress", "completed", "incomplete", "failed"]


class Head(Struct):
    """What is known of a response from its first event on."""

    id: str  # of our request, as 32 hex digits
    created: int
    model: str


class Output:
    """The items of one answer while it grows. Text and thoughts end where something else begins; calls stay open to
    the end, because servers may send pieces of several calls in turns."""

    def __init__(self, id: str, body: ResponsesBody) -> None:
        self._id = id
        self._body = body
        self._names: ToolNames | None = None
        self._items: list[GrowingItem] = []
        self._speaking: MessageItem | ReasoningItem | None = None
        self._calls: dict[int, CallItem] = {}
        self.finish: str | None = None

    def take(self, delta: Delta, logprobs: list[Json]) -> list[Json]:
        """The events of one piece of the answer."""
        events: list[Json] = []
        if delta.reasoning_content:
            events += self._think(delta.reasoning_content)
        if delta.content:
            events += self._say(TEXT, delta.content, logprobs)
        if delta.refusal:
            events += self._say(REFUSAL, delta.refusal, [])
        for call in delta.tool_calls or ():
            events += self._call(call)
        return events

    def end(self, finish: str) -> list[Json]:
        """The model has stopped: the events that close what is open."""
        self.finish = finish
        events = self._fall_silent()
        for call in self._calls.values():
            events += call.closed(self._status if call is self._items[-1] else "completed")
        return events

    def items(self) -> list[Json]:
        """Every item as it stands; what was cut off is incomplete."""
        last = len(self._items) - 1
        return [item.item(self._status if at == last else "completed") for at, item in enumerate(self._items)]

    @property
    def _status(self) -> Status:
        return "incomplete" if self.finish is None or self.finish in INCOMPLETE else "completed"

    def _say(self, kind: str, text: str, logprobs: list[Json]) -> list[Json]:
        if isinstance(self._speaking, MessageItem):
            return self._speaking.more(kind, text, logprobs)
        events = self._fall_silent()
        item = self._speaking = MessageItem(f"msg_{self._place}", len(self._items))
        return events + self._begin(item) + item.more(kind, text, logprobs)

    def _think(self, text: str) -> list[Json]:
        if isinstance(self._speaking, ReasoningItem):
            return self._speaking.more(text)
        events = self._fall_silent()
        id = f"{OUR_REASONING}{self._place}"
        item = self._speaking = ReasoningItem(id, len(self._items), self._body.wants_summary)
        return events + self._begin(item) + item.more(text)

    def _call(self, call: ToolCall) -> list[Json]:
        """Fragments come numbered without gaps (`providers.wire.toolcalls`)."""
        events: list[Json] = []
        item = self._calls.get(call.index or 0)
        if item is None:
            events = self._fall_silent()
            item = self._calls[call.index or 0] = self._new_call(call)
            events += self._begin(item)
        return events + item.more((call.function and call.function.arguments) or "")

    def _new_call(self, call: ToolCall) -> CallItem:
        if self._names is None:
            self._names = ToolNames(self._body.tools or ())
        origin = self._names.origin((call.function and call.function.name) or "")
        kind = CustomCallItem if origin.custom else CallItem
        return kind(f"{'ctc' if origin.custom else 'fc'}_{self._place}", len(self._items), call.id or "", origin)

    def _begin(self, item: GrowingItem) -> list[Json]:
        self._items.append(item)
        return item.opened()

    def _fall_silent(self) -> list[Json]:
        if self._speaking is None:
            return []
        events = self._speaking.closed(self._status if self.finish else "completed")
        self._speaking = None
        return events

    @property
    def _place(self) -> str:
        return f"{self._id}{len(self._items):02d}"


def response_object(
    head: Head, body: ResponsesBody, status: Ending, output: list[Json], usage: TokenUsage | None
) -> Json:
    """A response; `error` and `incomplete_details` are for the caller of this function to fill."""
    said: Json = {
        "id": f"resp_{head.id}",
        "object": "response",
        "created_at": head.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "model": head.model,
        "output": output,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": None,
        "store": False,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "metadata": body.metadata or {},
        "truncation": "disabled",
    }
    if usage is not None:
        said["usage"] = usage_object(usage)
    return said | _echo(body)


def usage_object(usage: TokenUsage) -> Json:
    """Tokens as Responses spells them; a usage that nobody reported has no such object."""
    written = usage.cache_write + usage.cache_write_1h
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": written},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.completion,
    }


def _echo(body: ResponsesBody) -> Json:
    """The caller's settings as OpenAI repeats them."""
    reasoning, text = body.reasoning, body.text
    said: Json = {
        "reasoning": {"effort": reasoning.effort if reasoning else None, "summary": None},
        "text": {"format": (text.format if text else None) or {"type": "text"}},
        "tool_choice": body.tool_choice or "auto",
        "tools": [_tool(tool) for tool in body.tools or () if tool.get("type") in ECHOED],
    }
    if reasoning and reasoning.summary:
        said["reasoning"]["summary"] = reasoning.summary
    if text and text.verbosity:
        said["text"]["verbosity"] = text.verbosity
    given: dict[str, Any] = {
        "user": body.user,
        "safety_identifier": body.safety_identifier,
        "prompt_cache_key": body.prompt_cache_key,
        "top_logprobs": body.top_logprobs,
    }
    return said | {name: value for name, value in given.items() if value is not None}


def _tool(tool: Json) -> Json:
    """A function's echo has all four fields, set or not."""
    if tool["type"] != "function":
        return tool
    return {"strict": False, "parameters": None} | {k: v for k, v in tool.items() if v is not None}
