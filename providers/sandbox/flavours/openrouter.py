"""How does OpenRouter differ from OpenAI? It chooses among providers, and reports failures of theirs inside a 200."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from providers.found import FoundModel
from providers.sandbox.flavours.base import JSON, Flavour
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Exchange, Trouble, TroubleKind
from providers.sandbox.roster import MODELS
from providers.sandbox.wires.base import Event, EventKind, Page

PROVIDERS: Final = ("Sandbox", "Playback")
NATIVE: Final = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
MILLION: Final = 1_000_000
PARAMETERS: Final = {"tools": ("tools", "tool_choice"), "json_schema": ("structured_outputs", "response_format")}


class OpenRouter(Flavour):
    name = "openrouter"
    base_path = "/api/v1"
    reasoning_key = "reasoning"
    opening = comment = b": OPENROUTER PROCESSING\n\n"
    statuses: ClassVar[Mapping[TroubleKind, int]] = {"quota": 402, "content": 403, "overloaded": 502}

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        """Read a chat; the first of `model` and `models` that is not made to fail answers, by an allowed provider."""
        wanted = [name for name in (body.get("model"), *(body.get("models") or ())) if name]
        model = next((name for name in wanted if "!" not in name), wanted[0] if wanted else None)
        prompt = super().prompt({**body, "model": model}, headers)
        _chosen(body.get("provider") or {})
        usual = (body.get("reasoning") or {}).get("effort") not in (None, "none")
        return replace(prompt, body=body, thinking=prompt.thinking or usual, include_usage=True)

    def answer(self, payload: JSON, exchange: Exchange) -> JSON:
        for choice in payload["choices"]:
            choice["native_finish_reason"] = NATIVE.get(choice["finish_reason"])
            _detail(choice["message"])
        return self._signed(payload | {"usage": payload["usage"] | _cost(exchange)}, exchange)

    def chunk(self, payload: JSON, kind: EventKind, exchange: Exchange) -> JSON:
        for choice in payload["choices"]:
            choice["native_finish_reason"] = NATIVE.get(choice["finish_reason"] or "")
            _detail(choice["delta"])
        if kind == "usage":
            payload = payload | {"usage": payload["usage"] | _cost(exchange)}
        return self._signed(payload, exchange)

    def refusal(self, trouble: Trouble) -> JSON:
        code = self.statuses.get(trouble.kind, trouble.status)
        return {"error": {"message": trouble.message, "code": code} | _metadata(trouble), "user_id": "user_sandbox"}

    def failed_event(self, exchange: Exchange, trouble: Trouble) -> Event:
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "error"}
        error = {"code": "server_error", "message": trouble.message} | _metadata(trouble)
        whole = self.whole(exchange)
        head = {key: whole[key] for key in ("id", "created", "model", "provider")}
        choices = [choice | {"native_finish_reason": "error"}]
        return Event("error", {**head, "object": "chat.completion.chunk", "error": error, "choices": choices})

    def headers(self, status: int) -> Mapping[str, str]:
        return {"x-generation-id": "gen-sandbox"} if status == 200 else {}

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        if (method, path) == ("GET", "/key"):
            row = {"label": "sk-or-v1-san...box", "limit": 10.0, "limit_remaining": 7.5, "usage": 2.5}
            return Page({"data": row | {"is_free_tier": False, "rate_limit": {"requests": -1, "interval": "10s"}}})
        page = super().page(method, path, body, models)
        return Page({"data": page.payload["data"]}) if page and path == "/models" else page

    def row(self, model: FoundModel) -> JSON:
        seen = ["text", "image"] if "vision" in model.capabilities else ["text"]
        offered = [name for skill, names in PARAMETERS.items() if skill in model.capabilities for name in names]
        return {
            "id": model.upstream_model,
            "canonical_slug": model.upstream_model,
            "name": model.upstream_model.replace("-", " ").title(),
            "created": 1735689600,
            "context_length": model.context,
            "architecture": {"modality": f"{'+'.join(seen)}->text", "input_modalities": seen},
            "pricing": _pricing(model),
            "top_provider": {"context_length": model.context, "max_completion_tokens": model.max_output},
            "supported_parameters": ["max_tokens", "temperature", "stop", "seed", *offered],
        }

    def _signed(self, payload: JSON, exchange: Exchange) -> JSON:
        """The payload with the generation's id and the provider that made it."""
        provider = _chosen(exchange.prompt.body.get("provider") or {})
        return payload | {"id": f"gen-{exchange.id}", "provider": provider}


def _chosen(wishes: Mapping[str, Any]) -> str:
    """The provider that the wishes leave; raises `Trouble` where they leave none."""
    known = {name.lower(): name for name in PROVIDERS}
    order = [name.lower() for name in wishes.get("order") or ()]
    allowed = [name.lower() for name in wishes.get("only") or known]
    ignored = [name.lower() for name in wishes.get("ignore") or ()]
    if wishes.get("allow_fallbacks") is False and order:
        allowed = [name for name in allowed if name in order]
    left = [name for name in known if name in allowed and name not in ignored]
    if not left:
        raise Trouble("not_found", "No allowed providers are available for the selected model.", status=404)
    return known[min(left, key=lambda name: order.index(name) if name in order else len(order))]


def _metadata(trouble: Trouble) -> JSON:
    """Who failed, where it is a provider's failure."""
    if trouble.kind in ("auth", "quota", "not_found", "invalid"):
        return {}
    return {"metadata": {"provider_name": PROVIDERS[0], "raw": trouble.message}}


def _detail(part: JSON) -> None:
    if "reasoning" in part:
        detail = {"type": "reasoning.text", "text": part["reasoning"], "format": "unknown", "index": 0}
        part["reasoning_details"] = [detail]


def _cost(exchange: Exchange) -> JSON:
    """What the answer cost in dollars; nothing where the model has no price."""
    model = next((model for model in MODELS["openai"] if model.upstream_model == exchange.model), None)
    if model is None or model.input_price is None or model.output_price is None:
        return {}
    spent = exchange.usage.prompt * Decimal(model.input_price) + exchange.usage.completion * Decimal(model.output_price)
    return {"cost": float(spent / MILLION), "is_byok": False}


def _pricing(model: FoundModel) -> JSON:
    """Dollars per token, as strings."""
    prices = {
        "prompt": model.input_price,
        "completion": model.output_price,
        "input_cache_read": model.cached_input_price,
    }
    return {name: f"{Decimal(price) / MILLION:f}" for name, price in prices.items() if price is not None}
