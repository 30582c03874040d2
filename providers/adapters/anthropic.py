"""How does Anthropic speak? The Messages API, and servers that copy it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from providers.adapters.base import Adapter, ListedModel, Operation, StreamDecoder, WireRequest
from providers.chat import Answer, ChatRequest
from providers.counting import CountRequest
from providers.errors import BadUpstreamResponse, ProviderError
from providers.targets import Secret, Target
from providers.wire import loose
from providers.wire.cutting import is_event_stream
from providers.wire.headers import wire_headers
from providers.wire.listings import positive
from providers.wire.messages_answer import MessagesDecoder, read_message, whole_of
from providers.wire.messages_counting import Counting
from providers.wire.messages_native import (
    SURFACE,
    NativeDecoder,
    native_answer,
    native_body,
    native_headers,
    native_path,
)
from providers.wire.messages_request import UNSUPPORTED, messages_request
from providers.wire.refusals import refusal
from providers.wire.whole import collected

PATH: Final = "/messages"
VERSION: Final = ("anthropic-version", "2023-06-01")
SKILLS: Final = {"image_input": "vision", "structured_outputs": "json_schema", "thinking": "reasoning"}


class Anthropic(Adapter):
    name = "anthropic"
    label = "Anthropic Messages"
    default_base_url = "https://api.anthropic.com/v1"
    unsupported = UNSUPPORTED

    def auth_headers(self, secret: Secret | None) -> tuple[tuple[str, str], ...]:
        return (("x-api-key", secret.value), VERSION) if secret else (VERSION,)

    def request(self, request: ChatRequest, target: Target, secret: Secret | None) -> WireRequest:
        if request.surface == SURFACE:
            return self._passed(PATH, request, target, secret)
        fields, warnings = messages_request(request, target)
        headers = wire_headers(self.auth_headers(secret), target)
        return WireRequest(PATH, headers, msgspec.json.encode(fields), tuple(warnings))

    def _passed(self, path: str, request: ChatRequest, target: Target, secret: Secret | None) -> WireRequest:
        """The caller's own body, from one who speaks Messages as well."""
        body, warnings = native_body(request, target)
        headers = native_headers(self.auth_headers(secret), request, target)
        return WireRequest(native_path(path, request), headers, body, warnings, native=True)

    def operations(self) -> Mapping[str, Operation[Any]]:
        return {CountRequest.operation: Counting(self._passed)}

    def answer(self, body: bytes, request: ChatRequest, target: Target) -> Answer:
        if is_event_stream(body):
            return collected(MessagesDecoder(target), body, target.model)
        if request.surface == SURFACE:
            return native_answer(body, target)
        return whole_of(read_message(body)).answer(target.model)

    def decoder(self, request: ChatRequest, target: Target) -> StreamDecoder:
        return NativeDecoder(target) if request.surface == SURFACE else MessagesDecoder(target)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return refusal(status, headers, body)

    def models_path(self) -> str:
        return "/models?limit=1000"

    def models(self, body: bytes) -> list[ListedModel]:
        payload = loose.loads(body)
        rows = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(rows, list):
            raise BadUpstreamResponse("the listing of models is not a list")
        named = [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str) and row["id"]]
        return [_model(row) for row in named if row.get("lifecycle") != "retired"]


def _model(row: dict[str, Any]) -> ListedModel:
    return ListedModel(
        row["id"], positive(row, "max_input_tokens"), positive(row, "max_tokens"), _skills(row.get("capabilities"))
    )


def _skills(capabilities: Any) -> frozenset[str]:
    """Our names of what a model supports; each of them takes tools."""
    if not isinstance(capabilities, dict):
        return frozenset()
    supported = {name for name, value in capabilities.items() if isinstance(value, dict) and value.get("supported")}
    return frozenset({"tools"} | {SKILLS[name] for name in supported & SKILLS.keys()})
