"""What does every stream need, whatever its format? Its bytes cut into messages, and those read in order."""

from abc import ABC, abstractmethod
from typing import Final

from django.conf import settings

from providers.adapters.base import StreamDecoder
from providers.chat import Chunk
from providers.errors import BadUpstreamResponse, ProviderError

EVENT_LIMIT: Final[int] = settings.MAX_EVENT_BYTES  # of one event or line
BODY_LIMIT: Final = 32 * 1024 * 1024  # bytes of a whole answer that came instead of a stream
BLANK: Final = b"\xef\xbb\xbf \t\r\n"


class Cutter(ABC):
    """Cuts a byte stream into messages and keeps what is incomplete."""

    __slots__ = ()

    @abstractmethod
    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that `data` completes; raises `BadUpstreamResponse` for one that is too long."""

    @abstractmethod
    def finish(self) -> list[bytes]:
        """Return what the end of the stream completes."""


class SteppedDecoder(StreamDecoder):
    """Reads one message after the other. An error lets the chunks before it pass first: it waits in `pending`."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        self._done = False

    @property
    def done(self) -> bool:
        return self._done

    def feed(self, data: bytes) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self._done:
            return chunks
        if self.pending is not None:
            raise self.pending
        try:
            for message in self._cutter.feed(data):
                self._take(message, chunks)
                if self._done:
                    break
        except ProviderError as exc:
            self._hold(exc, chunks)
        return chunks

    def finish(self) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self.pending is not None:
            raise self.pending
        try:
            for message in self._cutter.finish():
                if not self._done:
                    self._take_last(message, chunks)
            if not self._done:
                self._end(chunks)
        except ProviderError as exc:
            self._hold(exc, chunks)
        return chunks

    @abstractmethod
    def _take(self, message: bytes, chunks: list[Chunk]) -> None:
        """Read one message, append what it says to `chunks`; raises `ProviderError`."""

    @abstractmethod
    def _end(self, chunks: list[Chunk]) -> None:
        """The answer is over: append what was kept for the end; raises `BadUpstreamResponse` when it is cut short."""

    @property
    @abstractmethod
    def _complete(self) -> bool:
        """Whether the answer itself has been read to its end."""

    def _take_last(self, message: bytes, chunks: list[Chunk]) -> None:
        """A message without its end mark may be half a message: that matters only while the answer is incomplete."""
        try:
            self._take(message, chunks)
        except BadUpstreamResponse:
            if not self._complete:
                raise

    def _hold(self, error: ProviderError, chunks: list[Chunk]) -> None:
        error.counted = self.counted
        if not any(chunk.content_length for chunk in chunks):
            raise error
        self.pending = error


def first_byte(data: bytes) -> bytes:
    """The first byte of `data` that is neither white space nor part of a byte order mark; empty where there is none."""
    return data.lstrip(BLANK)[:1]


def is_event_stream(body: bytes) -> bool:
    """Whether a body begins like a stream of events: data, a comment, event, id or retry."""
    return first_byte(body) in (b"d", b":", b"e", b"i", b"r")
