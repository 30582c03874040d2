"""What a surface is: pure translation between a form that clients speak and the one internal form of a chat.

An upstream that speaks the caller's own form receives the caller's body and answers with `native` bytes: those pass
through. Everything else goes through `ChatBody` and back.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from msgspec import Struct

from providers.chat import Answer, ChatBody, ChatRequest, Chunk


class Read(Struct):
    """What a body says. `raw` is the chat's own form as JSON: what an OpenAI-compatible upstream would receive.

    `marks` are the signatures, response ids and open tool calls of the conversation, in its order. `needs` are
    capabilities that the chat's form does not show. `continues` is the field that refers to what only the deployment
    that gave out the marks has: nobody else can go on. `elsewhere`: an upstream of this form fetches a part of the
    prompt, of a length that nobody knows before.
    """

    body: ChatBody
    raw: bytes
    marks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()  # what the internal form cannot carry; of no matter to an upstream of this form
    needs: frozenset[str] = frozenset()
    continues: str | None = None
    elsewhere: bool = False


class Told(Struct, frozen=True):
    """An error as the caller may read it; `type` and `code` are OpenAI's words."""

    status: int
    message: str
    type: str
    param: str | None
    code: str | None
    request_id: str


class StreamWriter(ABC):
    """Writes one stream as the surface's clients read it."""

    @abstractmethod
    def write(self, chunks: list[Chunk]) -> bytes:
        """The bytes of these chunks; may be empty, and may keep something back."""

    @abstractmethod
    def end(self, metadata: bytes | None) -> bytes:
        """The last bytes of a complete answer; `metadata` is `routing_metadata` as JSON where the caller wants it."""

    @abstractmethod
    def broken(self, error: Told) -> bytes:
        """The last bytes of an answer that broke off: what was kept back, then an error that clients understand."""


class Surface(ABC):
    """One form that clients speak. Instances hold no state."""

    name: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]
    passed_headers: ClassVar[frozenset[bytes]] = frozenset()  # of the caller, that an upstream of this form receives

    @abstractmethod
    def read(self, raw: bytes) -> Read:
        """Read a body; raises `msgspec.DecodeError`, `msgspec.ValidationError`, `InvalidBody`."""

    @abstractmethod
    def whole(self, answer: Answer, request: ChatRequest) -> bytes:
        """The JSON body of a whole answer."""

    @abstractmethod
    def writer(self, request: ChatRequest, explain: bool) -> StreamWriter:
        """A writer for one stream; with `explain` it keeps the last event back until `end` brings the metadata."""

    @abstractmethod
    def error(self, error: Told) -> bytes:
        """The JSON body of an error answer."""

    def headers(self, request_id: str) -> list[tuple[bytes, bytes]]:
        """What this surface's clients expect beside our own headers."""
        return []


def with_field(body: bytes, name: str, value: bytes) -> bytes:
    """A JSON object with one more field, its last; `value` is JSON."""
    head = body.rstrip()
    return head[:-1] + b',"' + name.encode() + b'":' + value + b"}"
