"""How is a stream gone on with after it broke off? By another attempt, whose answer goes on where the first one ended.

A policy switches it on. A model that supports it is handed what was sent as the beginning of its answer; any other is
asked anew, and what it repeats is kept back. Where the new answer says something else than what was sent, the two do
not fit together: the attempt has failed. Tool calls that were begun are never recovered, nor are streams of events in
an upstream's own form.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Final

import msgspec
from msgspec import Raw, Struct

from providers.chat import ChatBody, ChatChunk, ChatRequest, Chunk, ChunkChoice, Delta, Message
from providers.errors import InvalidRequest, ProviderError, UnsupportedByWire
from providers.targets import Target
from routing.answering.openings import Batches, Opening, batches_of, opened
from routing.answering.tries import Try
from routing.answering.turns import Turn, Turns
from routing.surfaces.base import with_field
from usage.outcomes import AttemptKind

PREFILL: Final = "prefill"  # the capability of models that go on with the beginning of an answer
MOST_RECOVERIES: Final = 2  # of one stream
ECHO: Final = 16  # characters: so many of a handed beginning that come back are an echo, fewer may be chance
MARK: Final = "neuroroute"


class Diverged(ProviderError):
    """An answer that was asked for anew says something else than what was sent of the first."""

    cools_down = False


class Sent(Struct):
    """What the caller has of a stream so far; `whole` is False once something in it cannot be gone on with."""

    text: str = ""
    id: str = ""
    whole: bool = True

    def add(self, batch: list[Chunk]) -> None:
        """Take in what is sent."""
        for chunk in batch:
            if chunk.native:
                self.whole = False
            self.id = self.id or chunk.event.id
            for choice in chunk.event.choices:
                self._add(choice)

    def _add(self, choice: ChunkChoice) -> None:
        delta = choice.delta
        odd = delta.tool_calls or delta.function_call or delta.audio or delta.refusal
        if odd or choice.index or choice.finish_reason or _has_logprobs(choice):
            self.whole = False
        self.text += delta.content or ""


def _has_logprobs(choice: ChunkChoice) -> bool:
    return isinstance(choice.logprobs, Raw) and bytes(choice.logprobs) != b"null"


class Recovery:
    """Goes on with one stream. `begin` starts an attempt of a kind that is handed so many bytes, or passes the
    deployment over."""

    def __init__(self, request: ChatRequest, begin: Callable[[Turn, AttemptKind, int], Awaitable[Try | None]]) -> None:
        self.sent = Sent()
        self._request, self._begin = request, begin
        self._times = 0

    async def gone_on(self, turns: Turns, broken: Target) -> Opening | None:
        """The stream's continuation; None when there is none, because of what was sent or because nobody can go on."""
        if not self.sent.whole or self._times >= MOST_RECOVERIES:
            return None
        self._times += 1
        while turn := turns.next() or turns.once_more(broken):
            try:
                if opening := await self._asked(turn):
                    return opening
            except ProviderError:
                return None
        return None

    async def _asked(self, turn: Turn) -> Opening | None:
        """An upstream that refuses to be handed a beginning is asked anew."""
        if PREFILL in turn.target.capabilities and self.sent.text.strip():
            with suppress(InvalidRequest):
                return await self._tried(turn, _with_beginning(self._request, self.sent.text.rstrip()), handed=True)
        return await self._tried(turn, _changed(self._request, self._request.raw, self._request.body), handed=False)

    async def _tried(self, turn: Turn, request: ChatRequest, handed: bool) -> Opening | None:
        attempt = await self._begin(turn, "recovery", len(self.sent.text.encode()) if handed else 0)
        if attempt is None:
            return None
        request = replace(request, held_output=self._request.held_output)
        seam = Seam(self.sent, attempt, handed)
        batches = batches_of(request, attempt, turn.bounds)
        return await opened(attempt, _joined(_handed(batches) if handed else batches, seam))


async def _handed(batches: Batches) -> Batches:
    """The same, but a model that takes no beginnings refuses this request: it is asked anew and not passed over."""
    try:
        async with aclosing(batches):
            async for batch in batches:
                yield batch
    except UnsupportedByWire as exc:
        raise InvalidRequest(exc.message, upstream_status=exc.upstream_status) from exc


async def _joined(batches: Batches, seam: "Seam") -> Batches:
    """The batches as the continuation of what was sent."""
    async with aclosing(batches):
        async for batch in batches:
            if joined := [chunk for one in batch if (chunk := seam.joined(one)) is not None]:
                yield joined


class Seam:
    """Where two answers are put together: what the second repeats of the first is left out.

    One that was handed the first's text need not repeat it; one that was asked anew must.
    """

    def __init__(self, sent: Sent, attempt: Try, handed: bool) -> None:
        self._sent, self._attempt, self._handed = sent, attempt, handed
        self._met = ""  # the beginning of the second answer, until it is known to be past what was sent
        self._passed = not sent.text
        self._may_repeat = not handed or len(sent.text) >= ECHO

    def joined(self, chunk: Chunk) -> Chunk | None:
        """The chunk without what the caller has already; None when nothing is left. Raises `Diverged`."""
        event, self._attempt.prompt = chunk.event, chunk.prompt or self._attempt.prompt
        choices = [ChunkChoice(0, self._left(choice), choice.finish_reason) for choice in event.choices]
        choices = [choice for choice in choices if choice.delta != Delta() or choice.finish_reason]
        if not choices and not event.usage:
            return None
        said = ChatChunk(id=self._sent.id, created=event.created, model=self._attempt.target.model, choices=choices)
        if event.usage:
            said.usage = event.usage
        return Chunk(_written(said, self._attempt.target.name), msgspec.structs.replace(said, model=event.model))

    def _left(self, choice: ChunkChoice) -> Delta:
        """Text and tool calls go on; the role was said, and reasoning belongs to the first answer."""
        delta, text = choice.delta, choice.delta.content or ""
        if text and not self._passed:
            text = self._past(text)
        if choice.finish_reason and not self._passed:
            text += self._ended()
        return Delta(content=text or None, tool_calls=delta.tool_calls, refusal=delta.refusal)

    def _past(self, text: str) -> str:
        """What of the text is new. What is left out was generated, and is billed, all the same."""
        self._met += text
        new = self._new()
        self._attempt.answer_length += len(text) - len(new)
        return new

    def _new(self) -> str:
        sent, met = self._sent.text, self._met
        if self._may_repeat and met.startswith(sent):
            self._passed = True
            return met[len(sent) :]
        if self._may_repeat and sent.startswith(met):
            return ""
        if not self._handed:
            raise Diverged("the answer asked for anew says something else than what was sent")
        self._passed = True
        return met[self._space() :]

    def _space(self) -> int:
        """Characters of white space at the seam that the caller has already: none were handed."""
        had = len(self._sent.text) - len(self._sent.text.rstrip())
        return min(had, len(self._met) - len(self._met.lstrip()))

    def _ended(self) -> str:
        """The answer ended while it looked like a repetition: as a continuation it stands, else it is too short."""
        if not self._handed:
            raise Diverged("the answer asked for anew is shorter than what was sent")
        return self._met


def _written(event: ChatChunk, by: str) -> bytes:
    """The chunk's bytes; its last one says that the stream was recovered, and by whom."""
    payload = msgspec.json.encode(event)
    if any(choice.finish_reason for choice in event.choices):
        payload = with_field(payload, MARK, msgspec.json.encode({"recovered": True, "by": by}))
    return b"data: " + payload + b"\n\n"


def _with_beginning(request: ChatRequest, text: str) -> ChatRequest:
    """The request with the beginning of its answer as the last message."""
    raw = msgspec.json.decode(request.raw)
    raw["messages"] = [*raw["messages"], {"role": "assistant", "content": text}]
    body = msgspec.structs.replace(request.body, messages=[*request.body.messages, Message("assistant", text)])
    return _changed(request, msgspec.json.encode(raw), body)


def _changed(request: ChatRequest, raw: bytes, body: ChatBody) -> ChatRequest:
    """The request without the caller's own form: what goes on with a translated stream must be translated."""
    return replace(request, raw=raw, body=body, native=b"")
