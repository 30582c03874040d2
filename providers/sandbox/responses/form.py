"""OpenAI's Responses as a form of chats: what is asked for, the answer, and its events."""

from collections.abc import Mapping
from typing import Any, Final

from providers.sandbox.openai_parts import error_of
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Exchange, Trouble
from providers.sandbox.responses.answers import ended, output, response
from providers.sandbox.responses.events import Step, item_events
from providers.sandbox.responses.kept import Item, Kept
from providers.sandbox.responses.prompts import all_items, read_prompt
from providers.sandbox.wires.base import Event, Form, encoded

FAILURES: Final = {"rate_limit": "rate_limit_exceeded", "quota": "rate_limit_exceeded", "invalid": "invalid_prompt"}


class Responses(Form):
    answer_key = "output"
    content_key = "delta"
    usage_fields = frozenset({"usage"})
    usage_counts = frozenset({"input_tokens", "output_tokens", "total_tokens"})
    unable = "Invalid parameter: '{what}' is not supported with this model."

    def __init__(self) -> None:
        self._kept = Kept()

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        return read_prompt(body, self._kept)

    def whole(self, exchange: Exchange) -> dict[str, Any]:
        items = output(exchange, self._kept)
        self._keep(exchange, items)
        return ended(exchange, items)

    def events(self, exchange: Exchange) -> list[Event]:
        items = output(exchange, self._kept)
        self._keep(exchange, items)
        opened = {"response": response(exchange, [], "in_progress")}
        steps: list[Step] = [("start", "response.created", opened), ("frame", "response.in_progress", opened)]
        padded = (exchange.prompt.body.get("stream_options") or {}).get("include_obfuscation") is not False
        for at, item in enumerate(items):
            steps += item_events(at, item, exchange.replies[0], padded)
        last = ended(exchange, items)
        steps.append(("finish", f"response.{last['status']}", {"response": last}))
        events = [Event(kind, {"type": name} | fields, name) for kind, name, fields in steps]
        return [self.placed(event, at) for at, event in enumerate(events)]

    def refusal(self, trouble: Trouble) -> dict[str, Any]:
        return {"error": error_of(trouble)}

    def error_event(self, trouble: Trouble) -> Event:
        error = error_of(trouble)
        payload = {"type": "error", "code": error["code"], "message": error["message"], "param": error["param"]}
        return Event("error", payload, "error")

    def encode(self, event: Event) -> bytes:
        return f"event: {event.name}\ndata: ".encode() + encoded(event.payload) + b"\n\n"

    def failed(self, exchange: Exchange, trouble: Trouble) -> dict[str, Any]:
        error = {"code": FAILURES.get(trouble.kind, "server_error"), "message": trouble.message}
        return response(exchange, [], "failed", error=error)

    def failed_event(self, exchange: Exchange, trouble: Trouble) -> Event:
        name = "response.failed"
        return Event("error", {"type": name, "response": self.failed(exchange, trouble)}, name)

    def placed(self, event: Event, at: int) -> Event:
        """Every event says its place in the stream."""
        if isinstance(event.payload, dict):
            event.payload["sequence_number"] = at
        return event

    def _keep(self, exchange: Exchange, items: list[Item]) -> None:
        body = exchange.prompt.body
        if body.get("store") is not False:
            self._kept.keep(f"resp_{exchange.id}", [*all_items(body, self._kept), *items])
