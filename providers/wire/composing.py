"""How are the chunks of a translated stream written? As OpenAI's server writes them."""

import time
import uuid
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from providers.chat import ChatChunk, Chunk, ChunkChoice, Delta, WireUsage
from providers.wire.signatures import marks_in


def minted_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def unix_time() -> int:
    return int(time.time())


class Composer:
    """Writes the chunks of one stream: `data` names our model, `event` the one that the upstream says it runs."""

    __slots__ = ("created", "id", "model", "served")

    def __init__(self, id: str, created: int, served: str, model: str) -> None:
        self.id = id
        self.created = created
        self.served = served
        self.model = model

    def chunk(
        self, delta: Delta, finish_reason: str | None = None, index: int = 0, logprobs: Raw | UnsetType = UNSET
    ) -> Chunk:
        return self._written(ChatChunk(choices=[ChunkChoice(index, delta, finish_reason, logprobs)]))

    def usage(self, usage: WireUsage, spelled: dict[str, Any] | None = None) -> Chunk:
        """The chunk without choices that ends a stream; `spelled` is the same usage with fields that we do not know."""
        chunk = self._written(ChatChunk(usage=spelled or usage))  # type: ignore[arg-type]
        chunk.event.usage = usage
        return chunk

    def _written(self, event: ChatChunk) -> Chunk:
        event.id, event.created, event.model = self.id, self.created, self.model
        data = b"data: " + msgspec.json.encode(event) + b"\n\n"
        event.model = self.served
        return Chunk(data, event, marks=marks_in(event))
