"""What was said and answered, where the caller's tenant keeps it: noted as it goes by, compressed and stored later."""

from typing import Final

from providers.chat import ChatRequest, Chunk
from providers.requests import Request
from usage.outcomes import Kept

MOST_KEPT: Final = 1_000_000  # bytes of the prompt, and of the answer; images above all are longer


class Keeping:
    """What one request brought, and what it was told until now. It copies nothing before the request is over."""

    __slots__ = ("_left", "_parts", "_prompt", "_sent")

    def __init__(self, request: Request) -> None:
        self._prompt = (isinstance(request, ChatRequest) and request.native) or request.raw
        self._parts: list[bytes] = []
        self._sent, self._left = 0, MOST_KEPT

    def told(self, data: bytes) -> None:
        """Note what leaves; beyond the bound it is only counted."""
        self._sent += len(data)
        if self._left > 0:
            self._parts.append(data)
            self._left -= len(data)

    def told_in(self, batch: list[Chunk]) -> None:
        """Note a part of a stream."""
        self.told(b"".join([chunk.data for chunk in batch]))

    @property
    def kept(self) -> Kept:
        """Both, cut where they are too long."""
        answer = b"".join(self._parts)[:MOST_KEPT]
        cut = len(self._prompt) > MOST_KEPT or self._sent > len(answer)
        return Kept(self._prompt[:MOST_KEPT], answer, cut)
