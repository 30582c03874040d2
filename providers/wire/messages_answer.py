"""How does Anthropic's answer become OpenAI's? A message in one piece, or as events."""

from typing import Any

import msgspec
from msgspec import UNSET

from providers.chat import Chunk, Delta, WireUsage
from providers.errors import BadUpstreamResponse
from providers.targets import Target
from providers.wire import loose
from providers.wire.composing import Composer, unix_time
from providers.wire.finishes import openai_finish
from providers.wire.messages_events import CALL, Block, Event, MessageBody, MessagesReader
from providers.wire.refusals import refusal_inside
from providers.wire.whole import Whole, WholeChoice, WholeMessage


def read_message(body: bytes) -> MessageBody:
    """Read a message in one piece; raises `ProviderError`."""
    payload = loose.loads(body)
    if isinstance(payload, dict) and payload.get("error"):
        raise refusal_inside(payload)
    try:
        message = msgspec.convert(payload, MessageBody)
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"the answer is not a message: {exc}") from exc
    if not isinstance(payload.get("content"), list) or message.stop_reason is None:
        raise BadUpstreamResponse("the answer is not a whole message")
    return message


def whole_of(message: MessageBody) -> Whole:
    """The same as OpenAI says it."""
    return Whole(
        id=message.id,
        created=unix_time(),
        model=message.model,
        choices=[WholeChoice(message=_whole(message.content), finish_reason=openai_finish(message.stop_reason or ""))],
        usage=message.usage.wire() or UNSET,
    )


class MessagesDecoder(MessagesReader):
    """Decodes one stream of message events into OpenAI's chunks."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._model = target.model
        self._head = Composer("", 0, "", target.model)

    def _begin(self, payload: bytes, message: MessageBody, chunks: list[Chunk]) -> None:
        self._head = Composer(message.id, unix_time(), message.model, self._model)
        chunk = self._head.chunk(Delta(role="assistant", content=""))
        chunk.prompt = message.usage.prompt
        chunks.append(chunk)

    def _say(self, payload: bytes, event: Event, delta: Delta | None, chunks: list[Chunk]) -> None:
        if delta is not None:
            chunks.append(self._head.chunk(delta))

    def _finish(self, payload: bytes, finish: str, usage: WireUsage | None, chunks: list[Chunk]) -> None:
        chunks.append(self._head.chunk(Delta(), finish))
        if usage is not None:
            chunks.append(self._head.usage(usage))

    def _take_whole(self, body: bytes, chunks: list[Chunk]) -> None:
        chunks.extend(whole_of(read_message(body)).chunks(self._model))
        self._done = True


def _whole(blocks: list[Block]) -> WholeMessage:
    texts = [block.text for block in blocks if block.type == "text" and block.text]
    thoughts = [block.thinking for block in blocks if block.type == "thinking" and block.thinking]
    calls = [_whole_call(block) for block in blocks if block.type == CALL]
    return WholeMessage(
        content="".join(texts) if texts or not calls else None,
        reasoning_content="".join(thoughts) or UNSET,
        tool_calls=calls or UNSET,
    )


def _whole_call(block: Block) -> dict[str, Any]:
    arguments = msgspec.json.encode(block.input or {}).decode()
    return {"id": block.id, "type": "function", "function": {"name": block.name, "arguments": arguments}}
