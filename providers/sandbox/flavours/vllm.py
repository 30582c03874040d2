"""How does vLLM's server differ from OpenAI's?"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from providers.found import FoundModel
from providers.sandbox.flavours.base import JSON, Flavour
from providers.sandbox.replies import Exchange, Trouble
from providers.sandbox.wires.base import EventKind, Page

ERRORS: Final = {
    "invalid": "BadRequestError",
    "context": "BadRequestError",
    "content": "BadRequestError",
    "auth": "AuthenticationError",
    "not_found": "NotFoundError",
    "unavailable": "ServiceUnavailableError",
}


class VLLM(Flavour):
    name = "vllm"
    reasoning_key = "reasoning"

    def answer(self, payload: JSON, exchange: Exchange) -> JSON:
        for choice in payload["choices"]:
            choice |= {"stop_reason": None, "token_ids": None}
        return payload | {"usage": _counts(payload["usage"]), "prompt_logprobs": None, "kv_transfer_params": None}

    def chunk(self, payload: JSON, kind: EventKind, exchange: Exchange) -> JSON:
        for choice in payload["choices"]:
            choice |= {"stop_reason": None} if kind == "finish" else {"token_ids": None}
        return payload | {"usage": _counts(payload["usage"])} if kind == "usage" else payload

    def refusal(self, trouble: Trouble) -> JSON:
        kind = ERRORS.get(trouble.kind, "InternalServerError")
        code = self.statuses.get(trouble.kind, trouble.status)
        return {"error": {"message": trouble.message, "type": kind, "param": trouble.param, "code": code}}

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        match method, path:
            case "GET", "/health":
                return Page(b"")
            case "GET", "/version":
                return Page({"version": "0.11.0"})
        return super().page(method, path, body, models)

    def row(self, model: FoundModel) -> JSON:
        own: JSON = {"owned_by": "vllm", "root": model.upstream_model, "parent": None, "permission": []}
        return super().row(model) | own | {"max_model_len": model.context}


def _counts(usage: JSON) -> JSON:
    """vLLM tells no details unless it was started to."""
    names = ("prompt_tokens", "total_tokens", "completion_tokens")
    return {name: usage[name] for name in names} | {"prompt_tokens_details": None}
