"""What did the client of a drill get? The bytes of an answer as a client library would read them, with their times."""

from typing import Any, Final

import msgspec
from msgspec import Struct

DONE: Final = "[DONE]"


class Heard(Struct, kw_only=True):
    """One answer. Times are seconds since it was asked for, but `asked_at`: seconds since the epoch."""

    asked_at: float
    stream: bool
    status: int | None = None  # None: no headers came
    headers: dict[str, str] = {}
    events: list[str] = []  # of a stream: the data of each
    body: bytes = b""  # of anything else
    comments: int = 0
    broken: str = ""  # how the connection failed, where it did
    first_content_s: float | None = None
    longest_silence_s: float = 0.0
    total_s: float = 0.0

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """Each JSON object, of the stream or the one body."""
        raw = [event.encode() for event in self.events if event != DONE] if self.events else [self.body]
        return [found for each in raw if isinstance(found := _decoded(each), dict)]

    @property
    def done(self) -> bool:
        """Whether the stream was closed as complete."""
        return DONE in self.events

    @property
    def text(self) -> str:
        return "".join(part.get("content") or "" for part in self._parts())

    @property
    def finish(self) -> str | None:
        choices = [choice for payload in self.payloads for choice in payload.get("choices") or ()]
        return next((choice["finish_reason"] for choice in choices if choice.get("finish_reason")), None)

    @property
    def error(self) -> dict[str, Any] | None:
        return next((payload["error"] for payload in self.payloads if isinstance(payload.get("error"), dict)), None)

    @property
    def usage(self) -> dict[str, Any] | None:
        return next((payload["usage"] for payload in reversed(self.payloads) if payload.get("usage")), None)

    @property
    def model(self) -> str | None:
        return next((payload["model"] for payload in reversed(self.payloads) if payload.get("model")), None)

    @property
    def recovered(self) -> bool:
        """Whether the answer says that it was put together from two."""
        marks = [payload.get("neuroroute") for payload in self.payloads]
        return any(isinstance(mark, dict) and mark.get("recovered") is True for mark in marks)

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")

    def _parts(self) -> list[dict[str, Any]]:
        choices = [choice for payload in self.payloads for choice in payload.get("choices") or ()]
        return [choice.get("delta") or choice.get("message") or {} for choice in choices]


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
