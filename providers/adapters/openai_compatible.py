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
from providers.targets import Secret, Target
from providers.wire.answers import read_answer
from providers.wire.chunks import ChunkDecoder
from providers.wire.cutting import is_event_stream
from providers.wire.headers import wire_headers
from providers.wire.listings import openai_models
from providers.wire.openai_embeddings import OpenAIEmbeddings
from providers.wire.passing import passed_fields
from providers.wire.refusals import refusal
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
        fields = passed_fields(request.raw, request, target)
        if request.stream:
            fields["stream"] = TRUE
            fields["stream_options"] = _stream_options(fields.get("stream_options"))
        else:
            fields.pop("stream", None)
            fields.pop("stream_options", None)
        return WireRequest(PATH, wire_headers(self.auth_headers(secret), target), msgspec.json.encode(fields))

    def answer(self, body: bytes, request: ChatRequest, target: Target) -> Answer:
        if is_event_stream(body):
            return collected(ChunkDecoder(target), body, target.model)
        return read_answer(body, target.model)

    def decoder(self, request: ChatRequest, target: Target) -> StreamDecoder:
        return ChunkDecoder(target)

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
