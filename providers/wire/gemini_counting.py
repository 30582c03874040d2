"""How many tokens does Gemini count in a chat? https://ai.google.dev/api/tokens"""

import msgspec

from providers.adapters.base import Auth, Operation, WireRequest
from providers.chat import Answer
from providers.counting import CountRequest
from providers.targets import Secret, Target
from providers.wire.counting import counted
from providers.wire.gemini_names import model_name, model_path
from providers.wire.gemini_request import gemini_request
from providers.wire.headers import wire_headers


class GeminiCounting(Operation[CountRequest]):
    """The whole request counts: system texts and tools are a part of the prompt."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def request(self, request: CountRequest, target: Target, secret: Secret | None) -> WireRequest:
        fields, warnings = gemini_request(request, target)
        asked = {"generateContentRequest": {"model": model_name(target.upstream_model)} | fields}
        path = f"{model_path(target.upstream_model)}:countTokens"
        return WireRequest(path, wire_headers(self._auth(secret), target), msgspec.json.encode(asked), tuple(warnings))

    def answer(self, body: bytes, request: CountRequest, target: Target) -> Answer:
        return counted(body, "totalTokens", target)
