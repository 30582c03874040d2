"""How does Groq differ from OpenAI?

Source: Groq's SDK (the types of `x_groq`) and its documentation of rate limits.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from providers.found import FoundModel
from providers.sandbox.flavours.base import JSON, Flavour
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Exchange, Trouble, TroubleKind
from providers.sandbox.wires.base import EventKind

REQUESTS_PER_DAY: Final = 14_400
TOKENS_PER_MINUTE: Final = 6_000


class Groq(Flavour):
    name = "groq"
    base_path = "/openai/v1"
    reasoning_key = "reasoning"
    usage_fields = frozenset({"usage", "x_groq"})
    statuses: ClassVar[Mapping[TroubleKind, int]] = {"overloaded": 498}  # no capacity for the flex tier

    def __init__(self) -> None:
        super().__init__()
        self._requests = REQUESTS_PER_DAY

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        self._requests -= 1
        return super().prompt(body, headers)

    def answer(self, payload: JSON, exchange: Exchange) -> JSON:
        more = {"usage_breakdown": None, "x_groq": {"id": f"req_{exchange.id}"}, "service_tier": "on_demand"}
        return payload | {"usage": payload["usage"] | _times(exchange)} | more

    def chunk(self, payload: JSON, kind: EventKind, exchange: Exchange) -> JSON:
        if kind == "start":
            return payload | {"x_groq": {"id": f"req_{exchange.id}"}}
        if kind == "finish":
            usage = self.usage(exchange.usage) | _times(exchange)
            return payload | {"x_groq": {"id": f"req_{exchange.id}", "usage": usage}}
        return payload

    def refusal(self, trouble: Trouble) -> JSON:
        error = super().refusal(trouble)["error"]
        del error["param"]
        return {"error": error | ({"type": "tokens"} if trouble.kind == "rate_limit" else {})}

    def headers(self, status: int) -> Mapping[str, str]:
        limits = {
            "x-ratelimit-limit-requests": str(REQUESTS_PER_DAY),
            "x-ratelimit-remaining-requests": str(self._requests),
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-limit-tokens": str(TOKENS_PER_MINUTE),
            "x-ratelimit-remaining-tokens": "0" if status == 429 else str(TOKENS_PER_MINUTE - 1),
            "x-ratelimit-reset-tokens": "7.66s",
        }
        return limits | {"retry-after": "8"} if status == 429 else limits

    def row(self, model: FoundModel) -> JSON:
        limits = {"context_window": model.context, "max_completion_tokens": model.max_output}
        return super().row(model) | {"active": True, "public_apps": None} | limits


def _times(exchange: Exchange) -> JSON:
    prompt_s, answer_s = exchange.seconds
    times = {"queue_time": 0.01, "prompt_time": prompt_s, "completion_time": answer_s}
    return times | {"total_time": prompt_s + answer_s}
