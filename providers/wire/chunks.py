"""What does an OpenAI-shaped stream say? Each event as it came where it is right, repaired where not.

The way of an ordinary event is short on purpose: one typed decode, a few comparisons, its own bytes again.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET

from providers.chat import Chunk
from providers.errors import BadUpstreamResponse
from providers.targets import Target
from providers.wire import counts, loose, repair
from providers.wire.answers import read_whole
from providers.wire.composing import Composer, minted_id, unix_time
from providers.wire.cutting import EVENT_LIMIT
from providers.wire.renaming import ModelName
from providers.wire.signatures import marks_in
from providers.wire.sse import SseDecoder
from providers.wire.strict import ABSENT, StrictChunk, StrictChunkChoice, decode_chunk
from providers.wire.toolcalls import ToolPlaces

DONE: Final = b"[DONE]"
CUT: Final = "the stream closed before finish_reason"
KNOWN: Final = frozenset({"role", "content", "tool_calls", "refusal", "reasoning_content", "reasoning"})

# What one look at a choice found:
KEEP: Final = 1  # the event says something
CHANGED: Final = 2  # its bytes must be written anew
REPEATED: Final = 4  # it says its role again, as some servers do in every event: clients put the two together
ROLES: Final = (b'"role":"assistant",', b'"role": "assistant", ', b',"role":"assistant"', b', "role": "assistant"')


class Progress:
    """What has been seen of one choice."""

    __slots__ = ("finished", "places")

    def __init__(self) -> None:
        self.finished = False
        self.places = ToolPlaces()


class ChunkDecoder(SseDecoder):
    """Decodes one stream. All chunks share one id; the usage, whichever event brought it last, is the last chunk."""

    def __init__(self, target: Target, event_limit: int = EVENT_LIMIT) -> None:
        super().__init__(event_limit)
        self._model = target.model
        self._name = ModelName(target.model)
        self._head = Composer("", 0, "", target.model)
        self._choices: dict[int, Progress] = {}
        self._usage: dict[str, Any] | None = None

    @property
    def _complete(self) -> bool:
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    def _take(self, message: bytes, chunks: list[Chunk]) -> None:
        if message == DONE:
            self._end(chunks)
            return
        try:
            event = decode_chunk(loose.text(message))
        except loose.MALFORMED:
            message, event = _repaired(message)
        marks: tuple[str, ...] = ()
        if not self._is_plain(event):
            message = self._checked(message, event)
            marks = marks_in(event)
        if message:
            data = b"data: " + self._name.put(message, event.model) + b"\n\n"
            chunks.append(Chunk(data, event, marks=marks))

    def _take_whole(self, body: bytes, chunks: list[Chunk]) -> None:
        chunks.extend(read_whole(body).chunks(self._model))
        self._done = True

    def _end(self, chunks: list[Chunk]) -> None:
        if not self._complete:
            raise BadUpstreamResponse(CUT)
        self._done = True
        if self._usage is not None:
            chunks.append(self._head.usage(counts.typed(self._usage), self._usage))

    def _is_plain(self, event: StrictChunk) -> bool:
        """Whether this is one more piece of text of a choice that has begun: nothing to note, nothing to correct."""
        choices = event.choices
        if len(choices) != 1 or event.id != self._head.id or event.usage or event.x_groq or event.error is not UNSET:
            return False
        choice, delta = choices[0], choices[0].delta
        known = choice.index in self._choices and choice.finish_reason is None and event.created != 0
        said = delta.content and delta.tool_calls is None and delta.reasoning is None
        return bool(known and said and delta.role is None)

    def _checked(self, message: bytes, event: StrictChunk) -> bytes:
        """The event's bytes as the client may have them, empty where it says nothing; raises the error that it is."""
        if event.usage or event.x_groq or event.error is not UNSET:
            message = self._without_usage(message, event)
        found = 0
        for choice in event.choices:
            found |= self._look(choice)
        if not found & KEEP and not (event.choices and _says_more(message)):
            return b""
        if event.id != self._head.id or not event.id or not event.created:
            found |= self._share_head(event)
        if found & CHANGED:
            return _rewritten(message, event)
        return _without_role(message, event) if found & REPEATED else message

    def _look(self, choice: StrictChunkChoice) -> int:
        """Take note of what a choice says, correct it in its decoded form."""
        found = 0
        seen = self._choices.get(choice.index)
        if seen is None:
            seen = self._choices[choice.index] = Progress()
            found = KEEP if choice.delta.role else KEEP | CHANGED
            choice.delta.role = "assistant"  # the first event of a choice names it
        elif choice.delta.role is not None:
            choice.delta.role, found = ABSENT, REPEATED
        delta = choice.delta
        if delta.reasoning and not delta.reasoning_content:
            delta.reasoning_content, found = delta.reasoning, found | CHANGED
        if delta.tool_calls:
            found |= KEEP | CHANGED if seen.places.place(delta.tool_calls) else KEEP  # type: ignore[arg-type]
        if choice.finish_reason is not None:
            seen.finished = True
            found |= KEEP
        return found | KEEP if delta.content or delta.reasoning_content or delta.refusal else found

    def _share_head(self, event: StrictChunk) -> int:
        """Give the event the id of the first one, and a time where it has none."""
        head = self._head
        if not head.id:
            head.id, head.created, head.served = event.id or minted_id(), event.created or unix_time(), event.model
        same = event.id == head.id and event.created
        event.id, event.created = head.id, event.created or head.created
        return 0 if same else CHANGED

    def _without_usage(self, message: bytes, event: StrictChunk) -> bytes:
        """Keep the usage for the end, return the event's bytes without it; raises the error that the event may be."""
        if event.error is not UNSET:
            message, _ = _repaired(message)
        usage = counts.usable(event.usage or (event.x_groq or {}).get("usage"))
        self._usage = usage or self._usage
        if event.usage and event.choices:
            message = msgspec.json.encode(loose.loads(message) | {"usage": None})
        event.usage = None if usage is None else counts.typed(usage)  # type: ignore[assignment]
        return message


def _repaired(message: bytes) -> tuple[bytes, StrictChunk]:
    """An event that decodes strictly; raises the error that the event may be instead."""
    message = msgspec.json.encode(repair.chunk(loose.loads(message)))
    try:
        return message, decode_chunk(message)
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"an event of the stream is not a chunk: {exc}") from exc


def _says_more(message: bytes) -> bool:
    """Whether a chunk without text, tool call or finish reason says anything else that a client may read."""
    choices = loose.loads(message)["choices"]
    return any(value for choice in choices for name, value in choice["delta"].items() if name not in KNOWN)


def _without_role(message: bytes, event: StrictChunk) -> bytes:
    """The event's bytes without the role. Inside a JSON string no quote stands without a backslash, so that the bytes
    cannot be text."""
    written = next((role for role in ROLES if role in message), None)
    if written is None or len(event.choices) > 1:
        return _rewritten(message, event)
    return message.replace(written, b"", 1)


def _rewritten(message: bytes, event: StrictChunk) -> bytes:
    """The event's bytes, corrected where its decoded form was."""
    payload = loose.loads(message) | {"id": event.id, "created": event.created}
    for raw, choice in zip(payload["choices"], event.choices, strict=True):
        raw["delta"].pop("role", None)
        if choice.delta.role is not None:
            raw["delta"]["role"] = choice.delta.role
        if choice.delta.reasoning_content:
            raw["delta"]["reasoning_content"] = choice.delta.reasoning_content
        for call, right in zip(raw["delta"].get("tool_calls") or (), choice.delta.tool_calls or (), strict=True):
            call["index"] = right.index
            if right.id is not None:
                call["id"] = right.id
    return msgspec.json.encode(payload)
