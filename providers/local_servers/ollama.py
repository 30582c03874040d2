"""Ollama: /api/tags has what it can load, /api/ps what is in memory. https://docs.ollama.com/api"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from providers.adapters.base import ListedModel
from providers.errors import ProviderError
from providers.local_servers.asking import Asking
from providers.local_servers.base import LOAD_S, LocalModel, LocalServer, ServerState, accepted, number

SHOWN: Final = 30  # models whose details are asked for
SKILLS: Final = {"tools": "tools", "vision": "vision", "thinking": "reasoning", "embedding": "embeddings"}


class OllamaServer(LocalServer):
    name = "ollama"
    label = "Ollama"
    wire = "ollama"

    def is_there(self, asking: Asking) -> bool:
        return asking.finds("/api/version").has("version")

    def state(self, asking: Asking) -> ServerState:
        running = {row["name"]: row for row in asking.get("/api/ps").rows("models") if isinstance(row.get("name"), str)}
        listed = [row["name"] for row in asking.get("/api/tags").rows("models") if isinstance(row.get("name"), str)]
        names = dict.fromkeys([*listed, *running])
        return ServerState(self.name, "ready", tuple(_model(name, running.get(name)) for name in names))

    def load(self, asking: Asking, model: str) -> None:
        accepted(asking.post("/api/generate", {"model": model, "stream": False}, LOAD_S), model)

    def unload(self, asking: Asking, model: str) -> None:
        accepted(asking.post("/api/generate", {"model": model, "keep_alive": 0, "stream": False}), model)

    def pin(self, asking: Asking, model: str) -> None:
        """A negative `keep_alive` is for ever; a chat that needs a longer context makes Ollama load it anew."""
        accepted(asking.post("/api/generate", {"model": model, "keep_alive": -1, "stream": False}, LOAD_S), model)

    def detailed(self, asking: Asking, listed: list[ListedModel]) -> list[ListedModel]:
        """/api/show tells what /api/tags leaves out, model by model."""
        return [_shown(asking, model) for model in listed[:SHOWN]] + listed[SHOWN:]


def _model(name: str, row: dict[str, Any] | None) -> LocalModel:
    if row is None:
        return LocalModel(name, "unloaded")
    expires = row.get("expires_at")
    return LocalModel(
        name,
        "loaded",
        number(row, "size"),
        number(row, "size_vram"),
        number(row, "context_length"),
        expires if isinstance(expires, str) else None,
    )


def _shown(asking: Asking, model: ListedModel) -> ListedModel:
    try:
        reply = asking.post("/api/show", {"model": model.name})
    except ProviderError:
        return model
    return _with_details(model, reply.body) if reply.status == 200 and isinstance(reply.body, dict) else model


def _with_details(model: ListedModel, shown: Mapping[str, Any]) -> ListedModel:
    """Ollama's words in ours: completion, embedding, thinking, and a context under the architecture's name."""
    skills, info = shown.get("capabilities"), shown.get("model_info")
    context = info.get(f"{info.get('general.architecture')}.context_length") if isinstance(info, dict) else None
    ours = _skills(skills) if isinstance(skills, list) else model.capabilities
    found = context if isinstance(context, int) and context > 0 else model.context
    return msgspec.structs.replace(model, context=found, capabilities=ours)


def _skills(words: list[Any]) -> frozenset[str]:
    skills = {SKILLS[word] for word in words if word in SKILLS}
    # Ollama constrains every chat model to a JSON schema with a grammar of its own.
    return frozenset(skills if "embeddings" in skills else skills | {"json_mode", "json_schema"})
