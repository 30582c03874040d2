"""How do servers of OpenAI's chat completions speak? OpenAI, OpenRouter, Groq, vLLM, llama.cpp, LM Studio and more.

Requests pass through but for the model's name, so that fields which we do not know arrive.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from providers.adapters.base import Adapter, ListedModel, Operation, StreamDecoder, WireRequest
from providers.chat import Answer, ChatRequest
from providers.errors import ProviderError
from providers.habits import habits
from providers.targets import Secret, Target
from providers.wire.answers import read_answer
from providers.wire.chunks import ChunkDecoder
from providers.wire.cutting import is_event_stream
from providers.wire.fitting import fitted
from providers.wire.headers import wire_headers
from providers.wire.listings import openai_models
from providers.wire.openai_embeddings import OpenAIEmbeddings
from providers.wire.passing import passed_fields
from providers.wire.refusals import refusal
from providers.wire.responses_answer import ResponsesDecoder, native_answer
from providers.wire.responses_request import PATH as RESPONSES_PATH
from providers.wire.responses_request import native_body as responses_body
from providers.wire.responses_request import speaks_responses
from providers.wire.whole import collected

PATH: Final = "/chat/completions"
TRUE: Final = Raw(b"true")
ASK_USAGE: Final = Raw(b'{"include_usage":true}')


class OpenAICompatible(Adapter):
    name = "openai"
    label = "OpenAI compatible"
    default_base_url = "https://api.openai.com/v1"

    def operations(self) -> Mapping[str, Operation[Any]]:
        return {"embeddings": OpenAIEmbeddings(self.auth_headers)}

    def auth_headers(self, secret: Secret | None) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {secret.value}"),) if secret else ()

    def request(self, request: ChatRequest, target: Target, secret: Secret | None) -> WireRequest:
        headers = wire_headers(request.headers + self.auth_headers(secret), target)
        if speaks_responses(request, target):
            body, warnings = responses_body(request, target)
            return WireRequest(RESPONSES_PATH, headers, body, warnings, native=True)
        fields = passed_fields(request.raw, request, target)
        known = habits(target.provider, target.base_url, target.upstream_model)
        warnings = fitted(fields, request, target, known)
        options = fields.pop("stream_options", None)
        if not request.stream:
            fields.pop("stream", None)
        else:
            fields["stream"] = TRUE
            if not known.tells_usage:
                fields["stream_options"] = _stream_options(options)
        return WireRequest(PATH, headers, msgspec.json.encode(fields), warnings)

    def answer(self, body: bytes, request: ChatRequest, target: Target) -> Answer:
        if speaks_responses(request, target):
            return native_answer(body, target)
        if is_event_stream(body):
            return collected(ChunkDecoder(target), body, target.model)
        return read_answer(body, target.model)

    def decoder(self, request: ChatRequest, target: Target) -> StreamDecoder:
        return ResponsesDecoder(target) if speaks_responses(request, target) else ChunkDecoder(target)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return refusal(status, headers, body)

    def models_path(self) -> str:
        return "/models"

    def models(self, body: bytes) -> list[ListedModel]:
        return openai_models(body)


def _stream_options(given: Raw | None) -> Raw:
    """The caller's options, and the usage in any case: without it there is no bill."""
    options = msgspec.json.decode(given) if given else None
    if not isinstance(options, dict) or not options:
        return ASK_USAGE
    return Raw(msgspec.json.encode(options | {"include_usage": True}))
