"""How many tokens does Gemini count in a chat? https://ai.google.dev/api/tokens"""

import msgspec

from providers.adapters.base import Auth, Operation, WireRequest
from providers.chat import Answer, TokenUsage
from providers.counting import CountRequest
from providers.errors import BadUpstreamResponse
from providers.targets import Secret, Target
from providers.wire import loose
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
        payload = loose.loads(body)
        count = payload.get("totalTokens") if isinstance(payload, dict) else None
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise BadUpstreamResponse("the answer is not a count of tokens")
        return Answer(
            data=b'{"input_tokens":%d}' % count,
            id="",
            served_model=target.upstream_model,
            finish_reason=None,
            usage=TokenUsage(0, 0),
        )
