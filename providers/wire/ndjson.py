"""How is a byte stream cut into lines of JSON? At every line feed; blank lines say nothing."""

from providers.errors import BadUpstreamResponse
from providers.wire.cutting import EVENT_LIMIT, Cutter


class LineStream(Cutter):
    """Cuts the bytes of a stream into lines; one longer than `limit` bytes is refused."""

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._buffer = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes."""
        head, found, rest = data.rpartition(b"\n")
        lines: list[bytes] = []
        if found:
            lines = bytes(self._buffer + head).split(b"\n")
            self._buffer.clear()
        self._buffer += rest
        if len(self._buffer) > self._limit or any(len(line) > self._limit for line in lines):
            raise BadUpstreamResponse(f"a line of the stream is longer than {self._limit} bytes (MAX_EVENT_BYTES)")
        return [line for line in lines if line.strip()]

    def finish(self) -> list[bytes]:
        """Return the last line where the stream ended without its line feed."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        return [rest] if rest.strip() else []
