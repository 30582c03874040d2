"""What a flavour is: an OpenAI-compatible server, which is OpenAI's wire with habits of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from providers.found import FoundModel
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Exchange, Trouble, invalid
from providers.sandbox.wires.base import Event, EventKind
from providers.sandbox.wires.openai import OpenAI

JSON = dict[str, Any]
OURS = "reasoning_content"  # where OpenAI's wire puts thoughts


class Flavour(OpenAI):
    """Override what differs: the payloads, the errors, the headers, the pages."""

    reasoning_key: ClassVar[str] = OURS
    opening: ClassVar[bytes] = b""  # a comment before the first event of a stream

    def answer(self, payload: JSON, exchange: Exchange) -> JSON:
        """The JSON answer as this server writes it."""
        return payload

    def chunk(self, payload: JSON, kind: EventKind, exchange: Exchange) -> JSON:
        """One event of a stream as this server writes it."""
        return payload

    def whole(self, exchange: Exchange) -> JSON:
        return self.answer(self._renamed(super().whole(exchange)), exchange)

    def events(self, exchange: Exchange) -> list[Event]:
        events = super().events(exchange)
        for event in events:
            if isinstance(event.payload, dict):
                event.payload = self.chunk(self._renamed(event.payload), event.kind, exchange)
        return [Event("comment", self.opening), *events] if self.opening else events

    def encode(self, event: Event) -> bytes:
        if event.kind == "comment" and isinstance(event.payload, bytes):
            return event.payload
        return super().encode(event)

    def _renamed(self, payload: JSON) -> JSON:
        """The payload with thoughts where this server puts them."""
        if self.reasoning_key != OURS:
            for choice in payload["choices"]:
                part = choice.get("message") or choice.get("delta") or {}
                if OURS in part:
                    part[self.reasoning_key] = part.pop(OURS)
        return payload


class Memory:
    """Which models a local server has in memory."""

    def __init__(self) -> None:
        self._loaded: set[str] = set()

    def has(self, model: str) -> bool:
        return model in self._loaded

    def load(self, prompt: Prompt) -> bool:
        """Have the model of a chat in memory; whether it was not there before."""
        return self.add(prompt.plain_model)

    def add(self, model: str) -> bool:
        new = model not in self._loaded
        self._loaded.add(model)
        return new

    def drop(self, model: str) -> bool:
        """Whether it was there."""
        there = model in self._loaded
        self._loaded.discard(model)
        return there


def named(models: Sequence[FoundModel], asked: Mapping[str, Any]) -> FoundModel:
    """The model that a call to load or to show one names; raises `Trouble`."""
    name = asked.get("model")
    if not name:
        raise invalid("model name is missing from the request", "model")
    for model in models:
        if model.upstream_model == name:
            return model
    raise Trouble("not_found", f"model '{name}' not found", status=404, param="model")
