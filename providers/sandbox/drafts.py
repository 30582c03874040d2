"""What is about to be sent: a status, headers and events, which a fault may still change."""

from enum import Enum
from typing import Any

from msgspec import Struct

from providers.sandbox.replies import Exchange, Reply, Trouble
from providers.sandbox.wires.base import Event, Form, encoded


class End(Enum):
    """How the answer ends."""

    CLEAN = "clean"
    CUT = "cut"  # the connection closes too early; what was sent arrives
    RESET = "reset"  # the connection is torn down


class Framing(Enum):
    """Who puts the answer into HTTP, and how."""

    SERVER = "server"  # uvicorn, as it should be
    TRAILERS = "trailers"  # chunks, and header fields behind them
    HTTP10 = "http10"  # an answer of HTTP/1.0: it ends where the connection does


class Piece(Struct):
    """Bytes that leave together, after a wait in seconds."""

    data: bytes
    wait_s: float = 0.0


class Speed(Struct, frozen=True):
    """Of a model, in seconds: to the first token, and per token."""

    ttft_s: float = 0.0
    token_s: float = 0.0


class Draft:
    """One HTTP answer in the making. Read `pieces` and the bytes are fixed: later changes of `events` are lost."""

    def __init__(self, wire: Form, stream: bool) -> None:
        self.wire = wire
        self.stream = stream
        self.status = 200
        self.headers: dict[str, str] = {"content-type": wire.stream_type if stream else "application/json"}
        self.events: list[Event] = []
        self.answer_key = wire.content_key if stream else wire.answer_key
        self.exchange: Exchange | None = None
        self.speed = Speed()
        self.head_wait_s = 0.0
        self.has_head = True
        self.end = End.CLEAN
        self.length: int | None = None  # what content-length says; None: chunked
        self.framing = Framing.SERVER
        self.preface = b""  # before the head
        self.excess = b""  # behind the end
        self.endless = b""  # instead of an end, again and again
        self.endless_bytes = 1_000_000_000  # until nobody can take any more
        self.resets_reused = False  # a connection that has served before is torn down
        self._pieces: list[Piece] | None = None

    @property
    def pieces(self) -> list[Piece]:
        if self._pieces is None:
            self._pieces = [Piece(self._bytes(event), event.wait_s) for event in self.events]
            if not self.stream:
                self.length = sum(len(piece.data) for piece in self._pieces)
        return self._pieces

    def _bytes(self, event: Event) -> bytes:
        return self.wire.encode(event) if self.stream else encoded(event.payload)

    def answer(self, exchange: Exchange, speed: Speed) -> None:
        """Give a healthy model's answer at its speed: two thirds of the first token's time pass before the headers."""
        self.exchange, self.speed = exchange, speed
        self.headers[self.wire.request_id_header] = f"req_{exchange.id}"
        if not self.stream:
            self.events = [Event("whole", self.wire.whole(exchange))]
            self.head_wait_s = speed.ttft_s + speed.token_s * exchange.usage.completion
            return
        self.events = self.wire.events(exchange)
        self.head_wait_s = speed.ttft_s * 2 / 3
        for event in self.events:
            event.wait_s = speed.token_s if event.kind == "content" else 0.0
        self.events[0].wait_s = speed.ttft_s / 3

    def hold(self, payload: dict[str, Any], answer_key: str) -> None:
        """Give one JSON body that is no chat."""
        self.events, self.answer_key = [Event("whole", payload)], answer_key

    def answer_instead(self, exchange: Exchange, replies: tuple[Reply, ...]) -> None:
        """Give other replies to the same prompt."""
        parts = (exchange.id, exchange.created, exchange.model, exchange.prompt)
        self.answer(Exchange(*parts, replies, exchange.usage, exchange.seconds), self.speed)

    def block(self, trouble: Trouble) -> None:
        """Send what the vendor sends where its filter refuses the prompt: an answer without a word, or an error."""
        answer = self.wire.blocked(self.exchange, trouble) if self.exchange else None
        if answer is None:
            self.refuse(trouble)
        else:
            self.events = [self.wire.placed(Event("finish" if self.stream else "whole", answer), 0)]

    def break_off(self, at: int, event: Event) -> None:
        """Let `event` end the stream in place of what stands there."""
        self.events[at:] = [self.wire.placed(event, at)]

    def say(self, data: bytes, content_type: str) -> None:
        """Send one body, as it is."""
        self.stream, self._pieces, self.length = False, [Piece(data)], len(data)
        self.headers["content-type"] = content_type

    def refuse(self, trouble: Trouble) -> None:
        """Send the wire's error instead of an answer, at once."""
        self.status, self.head_wait_s = self.wire.statuses.get(trouble.kind, trouble.status), 0.0
        if self.wire.retry_header and trouble.retry_after is not None:
            self.headers[self.wire.retry_header] = trouble.retry_after
        self.say(encoded(self.wire.refusal(trouble)), "application/json")

    def after(self, contents: int) -> int:
        """Where that many content events have been; the finish stands in for one too many."""
        seen = 0
        for at, event in enumerate(self.events):
            if event.kind == "finish" or (event.kind == "content" and seen == contents):
                return at
            seen += event.kind == "content"
        return len(self.events) - 1
