"""llama.cpp's server: one model, or (started without one) a router that loads and unloads models by name.

https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
"""

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from providers.adapters.base import ListedModel
from providers.errors import InvalidRequest, Overloaded, UpstreamTimeout
from providers.local_servers.asking import Asking, Reply
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

STATES: Final[dict[str, State]] = {
    "loaded": "loaded",
    "loading": "loading",
    "unloaded": "unloaded",
    "sleeping": "sleeping",
    "downloading": "downloading",
}
LOOK_AGAIN_S: Final = 0.5
ONE_MODEL: Final = "this llama.cpp serves the one model that it was started with: it can neither load nor unload"


class LlamaCpp(LocalServer):
    name = "llama.cpp"
    label = "llama.cpp"
    wire = "openai"

    def is_there(self, asking: Asking) -> bool:
        if asking.finds("/props").has("default_generation_settings"):
            return True
        health = asking.finds("/health")
        return _is_loading(health)

    def state(self, asking: Asking) -> ServerState:
        health = asking.get("/health")
        if _is_loading(health):
            return ServerState(self.name, "loading", ())
        rows = _rows(asking)
        if any("status" in row for row in rows):
            return ServerState(self.name, "ready", tuple(_routed(row) for row in rows), {"pin": self.unpinned})
        return _alone(asking, rows, {"load": ONE_MODEL, "unload": ONE_MODEL, "pin": self.unpinned})

    def load(self, asking: Asking, model: str) -> None:
        """The server answers at once and loads on: look until it is done."""
        if _routed_row(asking, model).state in ("loaded", "sleeping"):
            return
        accepted(asking.post("/models/load", {"model": model}), model)
        until = time.monotonic() + LOAD_S
        while time.monotonic() < until:
            now = _routed_row(asking, model)
            if now.state == "loaded":
                return
            if now.state == "failed":
                raise Overloaded(f"{model} could not be loaded: {now.detail}")
            time.sleep(LOOK_AGAIN_S)
        raise UpstreamTimeout(f"{model} was not loaded within {LOAD_S:g} s")

    def unload(self, asking: Asking, model: str) -> None:
        if _routed_row(asking, model).state != "unloaded":
            accepted(asking.post("/models/unload", {"model": model}), model)

    def detailed(self, asking: Asking, listed: list[ListedModel]) -> list[ListedModel]:
        """A server of one model tells its context and what it takes besides text."""
        props = asking.finds("/props")
        context = _context(props.body)
        if len(listed) != 1 or context is None:
            return listed
        modalities = props.body.get("modalities")
        seen = {name for name in ("vision", "audio") if isinstance(modalities, dict) and modalities.get(name) is True}
        skills = listed[0].capabilities | seen | {"json_mode", "json_schema"}
        return [msgspec.structs.replace(listed[0], context=context, capabilities=frozenset(skills))]


def _is_loading(health: Reply) -> bool:
    error = health.body.get("error") if isinstance(health.body, dict) else None
    return health.status == 503 and isinstance(error, dict) and error.get("type") == "unavailable_error"


def _rows(asking: Asking) -> list[dict[str, Any]]:
    return [row for row in asking.get("/v1/models").rows("data") if isinstance(row.get("id"), str)]


def _routed_row(asking: Asking, model: str) -> LocalModel:
    """The model as the router lists it; raises `InvalidRequest` where there is no router, or no such model."""
    rows = _rows(asking)
    if not any("status" in row for row in rows):
        raise NotOffered(ONE_MODEL)
    for row in rows:
        if row["id"] == model:
            return _routed(row)
    raise InvalidRequest(f"{model}: this server has no such model")


def _routed(row: dict[str, Any]) -> LocalModel:
    status = row.get("status")
    told = status if isinstance(status, dict) else {}
    if told.get("failed"):
        return LocalModel(row["id"], "failed", detail=f"exit code {told.get('exit_code', 'unknown')}")
    return LocalModel(row["id"], STATES.get(str(told.get("value")), "unloaded"), weights_bytes=_weights(row))


def _alone(asking: Asking, rows: list[dict[str, Any]], cannot: Mapping[Verb, str]) -> ServerState:
    """The state of a server of one model, with its slots."""
    props, slots = asking.finds("/props"), asking.finds("/slots")
    total = number(props.body, "total_slots") if isinstance(props.body, dict) else None
    busy = None
    if slots.status == 200 and isinstance(slots.body, list):
        busy = sum(isinstance(slot, dict) and bool(slot.get("is_processing")) for slot in slots.body)
    asleep = props.has("is_sleeping") and props.body["is_sleeping"] is True
    state: State = "sleeping" if asleep else "loaded"
    health: Health = "busy" if total and busy == total else "ready"
    context = _context(props.body)
    models = (
        LocalModel(row["id"], state, context=context, slots=total, busy=busy, weights_bytes=_weights(row))
        for row in rows
    )
    return ServerState("llama.cpp", health, tuple(models), cannot)


def _weights(row: dict[str, Any]) -> int | None:
    meta = row.get("meta")
    return (number(meta, "size") or None) if isinstance(meta, dict) else None


def _context(props: Any) -> int | None:
    settings = props.get("default_generation_settings") if isinstance(props, dict) else None
    return (number(settings, "n_ctx") or None) if isinstance(settings, dict) else None
