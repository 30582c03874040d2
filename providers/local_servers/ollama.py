"""Ollama: /api/tags has what it can load, /api/ps what is in memory. https://docs.ollama.com/api"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from providers.adapters.base import ListedModel
from providers.errors import ProviderError
from providers.local_servers.asking import Asking
from providers.local_servers.base import LOAD_S, LocalModel, LocalServer, ServerState, accepted, number
from providers.local_servers.gguf import cache_bytes

SHOWN: Final = 30  # models whose details are asked for
FOR_EVER: Final = timedelta(days=365)  # a negative `keep_alive` becomes a time centuries away
REMEMBERED: Final = 500  # models
_caches: dict[tuple[str, str], int | None] = {}  # by name and digest: what a file holds does not change
SKILLS: Final = {"tools": "tools", "vision": "vision", "thinking": "reasoning", "embedding": "embeddings"}


class OllamaServer(LocalServer):
    name = "ollama"
    label = "Ollama"
    wire = "ollama"

    def is_there(self, asking: Asking) -> bool:
        return asking.finds("/api/version").has("version")

    def state(self, asking: Asking) -> ServerState:
        running, listed = _named(asking, "/api/ps"), _named(asking, "/api/tags")
        tokens = {name: _cache_of(asking, row) for name, row in list(listed.items())[:SHOWN]}
        now = datetime.now(UTC)
        models = (
            _model(name, running.get(name), listed.get(name, {}), tokens.get(name), now)
            for name in dict.fromkeys([*listed, *running])
        )
        return ServerState(self.name, "ready", tuple(models))

    def load(self, asking: Asking, model: str) -> None:
        accepted(asking.post("/api/generate", {"model": model, "stream": False}, LOAD_S), model)

    def unload(self, asking: Asking, model: str) -> None:
        accepted(asking.post("/api/generate", {"model": model, "keep_alive": 0, "stream": False}), model)

    def pin(self, asking: Asking, model: str) -> None:
        """A negative `keep_alive` is for ever; a chat that needs a longer context makes Ollama load it anew."""
        accepted(asking.post("/api/generate", {"model": model, "keep_alive": -1, "stream": False}, LOAD_S), model)

    def plain(self, model: str) -> str:
        """The tag may be left out where it is the usual one."""
        return model.removesuffix(":latest")

    def detailed(self, asking: Asking, listed: list[ListedModel]) -> list[ListedModel]:
        """/api/show tells what /api/tags leaves out, model by model."""
        return [_shown(asking, model) for model in listed[:SHOWN]] + listed[SHOWN:]


def _named(asking: Asking, path: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in asking.get(path).rows("models") if isinstance(row.get("name"), str)}


def _cache_of(asking: Asking, row: dict[str, Any]) -> int | None:
    """Bytes of cache per token, asked once for each file."""
    key = (row["name"], str(row.get("digest")))
    if key not in _caches:
        try:
            reply = asking.post("/api/show", {"model": row["name"]})
        except ProviderError:
            return None  # asked again at the next look
        if len(_caches) >= REMEMBERED:
            _caches.clear()
        info = reply.body.get("model_info") if reply.has("model_info") else None
        _caches[key] = cache_bytes(info) if isinstance(info, dict) else None
    return _caches[key]


def _model(name: str, row: dict[str, Any] | None, tag: dict[str, Any], cache: int | None, now: datetime) -> LocalModel:
    """`row` is what is said of it in memory, None: it is not there; `tag` is what is said of its file."""
    weights = number(tag, "size") or None
    if row is None:
        return LocalModel(name, "unloaded", weights_bytes=weights, cache_bytes=cache)
    expires = row.get("expires_at")
    expires = expires if isinstance(expires, str) else None
    return LocalModel(
        name,
        "loaded",
        number(row, "size"),
        number(row, "size_vram"),
        number(row, "context_length"),
        expires,
        stays=_stays(expires, now),
        weights_bytes=weights,
        cache_bytes=cache,
    )


def _stays(expires: str | None, now: datetime) -> bool | None:
    try:
        until = datetime.fromisoformat(expires or "")
    except ValueError:
        return None
    return until.replace(tzinfo=until.tzinfo or UTC) - now > FOR_EVER


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
