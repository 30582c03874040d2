"""What a wire of the sandbox is: the forms in which a vendor's server speaks of chats, and its pages."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec
from msgspec import Struct

from providers.found import FoundModel
from providers.sandbox.calls import CallLog
from providers.sandbox.embedding import Embedded, Embeds
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Exchange, Trouble, TroubleKind

EventKind = Literal["whole", "start", "frame", "comment", "content", "finish", "usage", "end", "error"]


class Event(Struct):
    """One event of a stream, or (`whole`) the one body of a JSON answer; a `bytes` payload is sent as it is."""

    kind: EventKind
    payload: dict[str, Any] | bytes
    name: str = ""
    wait_s: float = 0.0


class Page(Struct, frozen=True):
    """The answer to something that is not a chat."""

    payload: Any
    status: int = 200


class Form(ABC):
    """How one API writes chats down: it reads a prompt from a request's JSON and writes an exchange as events."""

    stream_type: str = "text/event-stream; charset=utf-8"
    answer_key: ClassVar[str]  # the field without which a JSON answer is none
    content_key: ClassVar[str]  # the same for a stream's content events
    usage_fields: ClassVar[frozenset[str]]  # all that tells of tokens
    usage_counts: ClassVar[frozenset[str]]  # the counts themselves
    comment: ClassVar[bytes] = b": sandbox\n\n"  # what a client must skip between events
    model_key: ClassVar[str] = "model"  # under which answers name the model
    request_id_header: ClassVar[str] = "x-request-id"
    retry_header: ClassVar[str | None] = "retry-after"  # None: the body says when to come back
    statuses: ClassVar[Mapping[TroubleKind, int]] = {}  # where the vendor's status is not the usual one
    unable: ClassVar[str] = "{model} does not support {what}"  # the refusal of what a model cannot do

    @abstractmethod
    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        """Read a chat request; raises `Trouble` as the vendor would refuse it."""

    @abstractmethod
    def whole(self, exchange: Exchange) -> dict[str, Any]:
        """The JSON answer."""

    @abstractmethod
    def events(self, exchange: Exchange) -> list[Event]:
        """The streamed answer, in order."""

    @abstractmethod
    def refusal(self, trouble: Trouble) -> dict[str, Any]:
        """The body of an error."""

    @abstractmethod
    def error_event(self, trouble: Trouble) -> Event:
        """An error inside a stream that has begun."""

    @abstractmethod
    def encode(self, event: Event) -> bytes:
        """The bytes of one event of a stream, its end mark included."""

    def headers(self, status: int) -> Mapping[str, str]:
        """What an answer with that status carries besides the usual headers."""
        return {}

    def blocked(self, exchange: Exchange, trouble: Trouble) -> dict[str, Any] | None:
        """The answer to a prompt that the content filter refuses; None: the vendor calls that an error."""
        return None

    def failed(self, exchange: Exchange, trouble: Trouble) -> dict[str, Any]:
        """The body of a 200 that tells of a failure: the error alone unless the vendor has more to say."""
        return self.refusal(trouble)

    def failed_event(self, exchange: Exchange, trouble: Trouble) -> Event:
        """The same as an event that ends a stream."""
        return self.error_event(trouble)

    def placed(self, event: Event, at: int) -> Event:
        """The event as it is sent at that place of the stream, where a form numbers its events."""
        return event


class Wire(Form):
    """One wire format, as the vendor's server speaks it: its chats in one form or more, and its pages."""

    name: ClassVar[str]
    base_path: ClassVar[str]  # of a provider's base URL
    chat_paths: ClassVar[frozenset[str]]  # of its own form, below the base path

    embeddings_key: ClassVar[str] = "embeddings"  # without which an answer with vectors is none

    def below(self, path: str) -> str:
        """The path without what every path of the wire begins with."""
        return path.removeprefix(self.base_path)

    def form(self, path: str, query: Mapping[str, str]) -> Form | None:
        """The form of the chats that are posted to `path`; None where there are none."""
        return self if path in self.chat_paths else None

    def watch(self, calls: CallLog) -> None:
        """Take the log of calls, where a page tells of those that run."""
        return

    def embeds(self, path: str, body: Mapping[str, Any]) -> Embeds | None:
        """Read what is to be embedded; None: `path` is not for that. Raises `Trouble` as the vendor would refuse."""
        return None

    def embedded(self, asked: Embeds, made: Embedded) -> dict[str, Any]:
        """The JSON answer with the vectors; only for a wire that reads such requests."""
        raise NotImplementedError

    @abstractmethod
    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        """Answer anything that is not a chat: listings, versions, counts; None: no such page."""

    @abstractmethod
    def presented_key(self, headers: Mapping[str, str]) -> str:
        """The credential that the caller presented, empty for none."""


def encoded(payload: dict[str, Any] | bytes) -> bytes:
    return payload if isinstance(payload, bytes) else msgspec.json.encode(payload)


def listed(body: Mapping[str, Any], field: str, trouble: Trouble) -> list[dict[str, Any]]:
    """The list of objects under `field`, empty where absent; raises `trouble` for anything else."""
    value = body.get(field) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise trouble
    return value
