"""How does llama.cpp's server differ from OpenAI's? As one model's server, and as a router that loads models.

Source: the README of its server. That a model is being loaded is a fault: `503` for pages makes `/health` say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from providers.found import FoundModel
from providers.sandbox.calls import CallLog
from providers.sandbox.flavours.base import JSON, Flavour, Memory, named
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Exchange, Trouble, invalid
from providers.sandbox.wires.base import EventKind, Page

SLOTS: Final = 2
LOAD_S: Final = 5.0
ERRORS: Final = {
    "auth": "authentication_error",
    "forbidden": "permission_error",
    "not_found": "not_found_error",
    "unavailable": "unavailable_error",
    "overloaded": "unavailable_error",
    "context": "exceed_context_size_error",
}


class LlamaCpp(Flavour):
    """A server that was started with one model."""

    name = "llama.cpp"
    opening = comment = b":\n\n"  # its ping

    def __init__(self) -> None:
        super().__init__()
        self._calls: CallLog | None = None

    def watch(self, calls: CallLog) -> None:
        self._calls = calls

    def answer(self, payload: JSON, exchange: Exchange) -> JSON:
        return payload | {"timings": _timings(exchange)}

    def chunk(self, payload: JSON, kind: EventKind, exchange: Exchange) -> JSON:
        last = "usage" if exchange.prompt.include_usage else "finish"
        return payload | {"timings": _timings(exchange)} if kind == last else payload

    def refusal(self, trouble: Trouble) -> JSON:
        message = "Loading model" if trouble.kind == "unavailable" else trouble.message
        default = "invalid_request_error" if trouble.status < 500 else "server_error"
        return {"error": {"code": trouble.status, "message": message, "type": ERRORS.get(trouble.kind, default)}}

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        match method, path:
            case "GET", "/health":
                return Page({"status": "ok"})
            case "GET", "/props":
                return Page(self.props(body, models))
            case "GET", "/slots":
                return self._slots(self.model(body, models), bool(body.get("fail_on_no_slot")))
            case "GET", "/metrics":
                raise Trouble("invalid", "This server does not support metrics endpoint.", status=501)
        return super().page(method, path, body, self.listed(models))

    def listed(self, models: Sequence[FoundModel]) -> Sequence[FoundModel]:
        """What the listing shows; chats may name any other model, and are answered."""
        return models[:1]

    def model(self, asked: Mapping[str, Any], models: Sequence[FoundModel]) -> FoundModel:
        """The model that a page is about."""
        return models[0]

    def props(self, asked: Mapping[str, Any], models: Sequence[FoundModel]) -> JSON:
        model = self.model(asked, models)
        return {
            "default_generation_settings": {"n_ctx": model.context, "params": {}},
            "total_slots": SLOTS,
            "model_alias": model.upstream_model,
            "model_path": f"/models/{model.upstream_model}.gguf",
            "modalities": {"vision": "vision" in model.capabilities, "audio": False},
            "chat_template": "",
            "build_info": "b7000-sandbox",
            "is_sleeping": False,
        }

    def row(self, model: FoundModel) -> JSON:
        meta = {"vocab_type": 2, "n_ctx_train": model.context, "n_params": 8_030_261_312, "size": 4_912_898_304}
        return super().row(model) | {"owned_by": "llamacpp", "meta": meta}

    def _slots(self, model: FoundModel, must_be_free: bool) -> Page:
        """A row per slot; the chats that run now hold the first ones."""
        busy = self._calls.running_chats if self._calls else 0
        if must_be_free and busy >= SLOTS:
            return Page({"error": {"code": 503, "message": "no slot available", "type": "unavailable_error"}}, 503)
        return Page([{"id": at, "n_ctx": model.context, "is_processing": at < busy} for at in range(SLOTS)])


class LlamaCppRouter(LlamaCpp):
    """A server that was started without a model: it loads what is asked for."""

    name = "llama.cpp-router"

    def __init__(self) -> None:
        super().__init__()
        self._memory = Memory()
        self._loading: set[str] = set()  # asked for, and not yet seen in a listing

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        prompt = super().prompt(body, headers)
        self._loading.discard(prompt.plain_model)
        return replace(prompt, load_s=LOAD_S) if self._memory.load(prompt) else prompt

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        match method, path:
            case "POST", "/models/load":
                model = named(models, body).upstream_model
                if not self._memory.add(model):
                    raise invalid("model is already loaded")
                self._loading.add(model)
                return Page({"success": True})
            case "POST", "/models/unload":
                if not self._memory.drop(named(models, body).upstream_model):
                    raise invalid("model is not loaded")
                return Page({"success": True})
        page = super().page(method, path, body, models)
        if (method, path) == ("GET", "/models"):
            self._loading.clear()  # the next look finds them loaded
        return page

    def listed(self, models: Sequence[FoundModel]) -> Sequence[FoundModel]:
        return models

    def model(self, asked: Mapping[str, Any], models: Sequence[FoundModel]) -> FoundModel:
        model = named(models, asked)
        if asked.get("autoload") == "false" and not self._memory.has(model.upstream_model):
            raise invalid("model is not loaded")
        self._memory.add(model.upstream_model)
        return model

    def props(self, asked: Mapping[str, Any], models: Sequence[FoundModel]) -> JSON:
        if asked.get("model"):
            return super().props(asked, models)
        settings = {"n_ctx": 0, "params": None}
        return {"role": "router", "max_instances": len(models), "default_generation_settings": settings}

    def row(self, model: FoundModel) -> JSON:
        name = model.upstream_model
        value = "loading" if name in self._loading else "loaded" if self._memory.has(name) else "unloaded"
        status = {"value": value} | ({} if value == "unloaded" else {"args": ["llama-server", "-ctx", "4096"]})
        seen = ["text", "image"] if "vision" in model.capabilities else ["text"]
        architecture = {"input_modalities": seen, "output_modalities": ["text"]}
        return super().row(model) | {"path": f"/models/{name}.gguf", "status": status, "architecture": architecture}


def _timings(exchange: Exchange) -> JSON:
    usage, (prompt_s, answer_s) = exchange.usage, exchange.seconds
    return {
        "cache_n": usage.cached,
        "prompt_n": usage.prompt - usage.cached,
        "prompt_ms": prompt_s * 1000,
        "predicted_n": usage.completion,
        "predicted_ms": answer_s * 1000,
        "predicted_per_second": usage.completion / answer_s if answer_s else 0.0,
    }
