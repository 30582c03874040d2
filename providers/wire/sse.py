"""How is a byte stream cut into server-sent events? By the WHATWG's rules, whatever the upstream's line ends.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from abc import abstractmethod
from typing import Final

from providers.chat import Chunk
from providers.errors import BadUpstreamResponse
from providers.wire.cutting import BODY_LIMIT, EVENT_LIMIT, Cutter, SteppedDecoder, first_byte

BOM: Final = b"\xef\xbb\xbf"
NAMED: Final = b"event: "
LF: Final = 10
CR: Final = 13


class SseDecoder(SteppedDecoder):
    """Reads a stream of events, or the one JSON body of an upstream that ignores `stream: true`."""

    def __init__(self, event_limit: int = EVENT_LIMIT) -> None:
        self._events = EventStream(event_limit)
        super().__init__(self._events)

    @abstractmethod
    def _take_whole(self, body: bytes, chunks: list[Chunk]) -> None:
        """Read a whole answer, append its chunks; raises `ProviderError`."""

    def _take_last(self, message: bytes, chunks: list[Chunk]) -> None:
        if self._events.is_whole:
            self._take_whole(message, chunks)
        else:
            super()._take_last(message, chunks)


class EventStream(Cutter):
    """Cuts the bytes of a stream into the `data` of its events; an event longer than `limit` bytes is refused.

    A body that begins as JSON is no stream: it is kept whole, as one message at the end.
    """

    __slots__ = ("_begun", "_buffer", "_limit", "_scanned", "_skip_lf", "is_whole")

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._scanned = 0
        self._skip_lf = False
        self._begun = False
        self.is_whole = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the data of the events that `data` completes."""
        if not self._buffer and data[:6] == b"data: " and data[-2:] == b"\n\n" and len(data) <= self._limit:
            # The way of nearly every read: whole one-line events. Looking for a byte by number is ten times faster.
            self._begun = True
            rest = data[6:-2]
            if LF not in rest and CR not in rest:
                return [rest]
            events = rest.split(b"\n\ndata: ")
            if CR not in rest and rest.count(b"\n") == 2 * len(events) - 2:
                return events
        if not self._buffer and data[:7] == NAMED and (named := _named_events(data, self._limit)):
            self._begun = True
            return named
        return self._feed_any(data)

    def finish(self) -> list[bytes]:
        """Return the last event where the stream ended without its blank line."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        event = rest if self.is_whole else self._event(rest)
        return [event] if event else []

    def _feed_any(self, data: bytes) -> list[bytes]:
        if not self._begun:
            self._begin(first_byte(data))
        if self.is_whole:
            return self._keep(data)
        self._buffer += self._with_lf(data)
        end = self._buffer.rfind(b"\n\n", max(self._scanned - 1, 0))
        blocks: list[bytes] = []
        if end >= 0:
            blocks = bytes(self._buffer[:end]).split(b"\n\n")
            del self._buffer[: end + 2]
        self._scanned = len(self._buffer)
        if self._scanned > self._limit or any(len(block) > self._limit for block in blocks):
            raise BadUpstreamResponse(f"an event of the stream is longer than {self._limit} bytes (MAX_EVENT_BYTES)")
        return [event for block in blocks if (event := self._event(block))]

    def _begin(self, first: bytes) -> None:
        if first == b"<":
            raise BadUpstreamResponse("the upstream answered with HTML")
        self._begun = bool(first)
        self.is_whole = first in (b"{", b"[")

    def _keep(self, data: bytes) -> list[bytes]:
        self._buffer += data
        if len(self._buffer) > BODY_LIMIT:
            raise BadUpstreamResponse(f"the answer is longer than {BODY_LIMIT} bytes")
        return []

    def _with_lf(self, data: bytes) -> bytes:
        """The same with LF for CRLF and CR, also where CR ends one read and LF starts the next."""
        if self._skip_lf:
            data = data.removeprefix(b"\n")
            self._skip_lf = False
        if b"\r" not in data:
            return data
        self._skip_lf = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    @staticmethod
    def _event(block: bytes) -> bytes:
        """The data of one event, empty where it has none."""
        name, values = b"", []
        for line in block.removeprefix(BOM).split(b"\n"):
            field, _, value = line.partition(b":")
            if field == b"data":
                values.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ")
        data = b" ".join(values)  # not LF, as the WHATWG says: the data is JSON and leaves us as one line
        if name == b"error" and data and b'"error"' not in data:
            return b'{"error":' + data + b"}"  # some servers say "error" in the event's name only
        return data


def _named_events(data: bytes, limit: int) -> list[bytes]:
    """The data of whole events of a name and one line each; empty where the bytes are anything else."""
    if data[-2:] != b"\n\n" or CR in data or len(data) > limit:
        return []
    found = []
    for block in data[:-2].split(b"\n\n"):
        name, _, said = block.partition(b"\ndata: ")
        if name[:7] != NAMED or LF in name or not said or LF in said or name == b"event: error":
            return []
        found.append(said)
    return found
