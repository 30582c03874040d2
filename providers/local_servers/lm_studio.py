"""LM Studio: its own API beside /v1 knows states, and since 0.4 loads and unloads. https://lmstudio.ai/docs/developer/rest"""

from typing import Any, Final

import msgspec

from providers.adapters.base import ListedModel
from providers.errors import InvalidRequest
from providers.local_servers.asking import Asking
from providers.local_servers.base import (
    LOAD_S,
    Health,
    LocalModel,
    LocalServer,
    NotOffered,
    ServerState,
    State,
    Verb,
    accepted,
    number,
)

STATES: Final[dict[str, State]] = {"loaded": "loaded", "not-loaded": "unloaded", "loading": "loading"}
KINDS: Final = {"vlm": {"vision"}, "embeddings": {"embeddings"}}  # what a model's type says of its skills
OLD: Final = "this LM Studio cannot load or unload by its API: that came with version 0.4"


class LmStudio(LocalServer):
    name = "lm-studio"
    label = "LM Studio"
    wire = "openai"

    def is_there(self, asking: Asking) -> bool:
        return any("state" in row for row in _rows(asking)) or bool(_instances(asking))

    def state(self, asking: Asking) -> ServerState:
        managed = _managed(asking)
        sizes = {row["key"]: number(row, "size_bytes") or None for row in managed}
        models = tuple(_model(row, sizes.get(row["id"])) for row in _rows(asking))
        health: Health = "loading" if any(model.state == "loading" for model in models) else "ready"
        old: dict[Verb, str] = {} if managed else {"load": OLD, "unload": OLD}
        return ServerState(self.name, health, models, {**old, "pin": self.unpinned})

    def load(self, asking: Asking, model: str) -> None:
        if _instances(asking).get(model):
            return  # it would load a second instance beside the first
        reply = asking.post("/api/v1/models/load", {"model": model}, LOAD_S)
        if reply.status == 404 and not _instances(asking):
            raise NotOffered(OLD)
        accepted(reply, model)

    def unload(self, asking: Asking, model: str) -> None:
        """Each instance of the model has an id of its own."""
        known = _instances(asking)
        if not known:
            raise NotOffered(OLD)
        if not known.get(model):
            raise InvalidRequest(f"{model} is not loaded")
        for instance in known[model]:
            accepted(asking.post("/api/v1/models/unload", {"instance_id": instance}), model)

    def detailed(self, asking: Asking, listed: list[ListedModel]) -> list[ListedModel]:
        rows = {row["id"]: row for row in _rows(asking)}
        return [_detailed(model, rows[model.name]) if model.name in rows else model for model in listed]


def _rows(asking: Asking) -> list[dict[str, Any]]:
    return [row for row in asking.finds("/api/v0/models").rows("data") if isinstance(row.get("id"), str)]


def _instances(asking: Asking) -> dict[str, list[str]]:
    """Ids of the loaded instances by model, for every model of a server that knows instances."""
    return {
        row["key"]: [one["id"] for one in row["loaded_instances"] if isinstance(one, dict) and "id" in one]
        for row in _managed(asking)
    }


def _managed(asking: Asking) -> list[dict[str, Any]]:
    """The models as the newer API lists them; empty where there is none."""
    rows = asking.finds("/api/v1/models").rows("models")
    return [row for row in rows if isinstance(row.get("key"), str) and isinstance(row.get("loaded_instances"), list)]


def _model(row: dict[str, Any], weights_bytes: int | None) -> LocalModel:
    words = [row[name] for name in ("arch", "quantization") if isinstance(row.get(name), str)]
    return LocalModel(
        row["id"],
        STATES.get(str(row.get("state")), "unloaded"),
        context=number(row, "loaded_context_length"),
        detail=" ".join(words),
        weights_bytes=weights_bytes,
    )


def _detailed(model: ListedModel, row: dict[str, Any]) -> ListedModel:
    told = row.get("capabilities")
    tools = {"tools"} if isinstance(told, list) and "tool_use" in told else set()
    skills = model.capabilities | KINDS.get(str(row.get("type")), set()) | tools
    if "embeddings" not in skills:
        skills |= {"json_mode", "json_schema"}  # it constrains every chat model by a grammar
    context = number(row, "loaded_context_length") or number(row, "max_context_length") or model.context
    return msgspec.structs.replace(model, context=context, capabilities=frozenset(skills))
