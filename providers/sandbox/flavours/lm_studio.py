"""How does LM Studio's server differ from OpenAI's? It loads a model when it is first asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from providers.found import FoundModel
from providers.sandbox.flavours.base import JSON, Flavour, Memory, named
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Trouble, invalid
from providers.sandbox.wires.base import Event, Page

LOAD_S: Final = 5.0
CONTEXT: Final = 4096  # with which a model is loaded unless the caller says more
BYTES: Final = 4_912_898_304


class LMStudio(Flavour):
    name = "lm-studio"

    def __init__(self) -> None:
        super().__init__()
        self._memory = Memory()

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        """Read a chat; a model that is not in memory is loaded, and the caller waits for it."""
        prompt = super().prompt(body, headers)
        return replace(prompt, load_s=LOAD_S) if self._memory.load(prompt) else prompt

    def error_event(self, trouble: Trouble) -> Event:
        return Event("error", self.refusal(trouble), "error")

    def encode(self, event: Event) -> bytes:
        return b"event: error\n" * (event.kind == "error") + super().encode(event)

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        """As LM Studio does, answer 200 to what it does not know."""
        match method, path:
            case "GET", "/api/v0/models":
                return Page({"object": "list", "data": [self._row_v0(model) for model in models]})
            case "GET", "/api/v1/models":
                return Page({"models": [self._row_v1(model) for model in models]})
            case "POST", "/api/v1/models/load":
                return self._load(named(models, body))
            case "POST", "/api/v1/models/unload":
                return self._unload(body.get("instance_id"))
        unknown = {"error": f"Unexpected endpoint or method. ({method} {path})"}
        return super().page(method, path, body, models) or Page(unknown)

    def _load(self, model: FoundModel) -> Page:
        self._memory.add(model.upstream_model)
        row = {"type": _type(model), "instance_id": model.upstream_model, "load_time_seconds": LOAD_S}
        return Page(row | {"status": "loaded"})

    def _unload(self, instance: str | None) -> Page:
        if instance is None:
            raise invalid("'instance_id' is required", "instance_id", "missing_required_parameter")
        if not self._memory.drop(instance):
            raise Trouble("not_found", f"No loaded instance with id '{instance}'.", status=404, param="instance_id")
        return Page({"instance_id": instance})

    def _row_v0(self, model: FoundModel) -> JSON:
        loaded = self._memory.has(model.upstream_model)
        row: JSON = {
            "id": model.upstream_model,
            "object": "model",
            "type": _type(model).replace("embedding", "embeddings"),
            "publisher": "sandbox",
            "arch": "sandbox",
            "compatibility_type": "gguf",
            "quantization": "Q4_K_M",
            "state": "loaded" if loaded else "not-loaded",
            "max_context_length": model.context,
        }
        row["capabilities"] = ["tool_use"] if "tools" in model.capabilities else []
        return row | {"loaded_context_length": CONTEXT} if loaded else row

    def _row_v1(self, model: FoundModel) -> JSON:
        name = model.upstream_model
        row: JSON = {
            "type": _type(model).replace("vlm", "llm"),
            "publisher": "sandbox",
            "key": name,
            "display_name": name.replace("-", " ").title(),
            "architecture": "sandbox",
            "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
            "size_bytes": BYTES,
            "loaded_instances": [],
            "max_context_length": model.context,
            "format": "gguf",
        }
        skills = {"vision": "vision" in model.capabilities, "trained_for_tool_use": "tools" in model.capabilities}
        if self._memory.has(name):
            row["loaded_instances"] = [{"id": name, "config": {"context_length": CONTEXT}}]
        return row | {"capabilities": skills}


def _type(model: FoundModel) -> str:
    if "embeddings" in model.capabilities:
        return "embedding"
    return "vlm" if "vision" in model.capabilities else "llm"
