"""/api/admin/vram: what is in the memory of GPUs and local servers, what was, and how models get in and out."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from msgspec import Meta, Struct

from profiling.gpumetrics import FRESH
from profiling.memory import memory
from profiling.selectors import gpu_courses, newest_gpu_samples
from providers import residency
from providers.errors import InvalidRequest, ProviderError
from providers.local_servers.base import LocalModel, NotOffered, Verb
from providers.models import Provider
from routing.api.operator.applying import fitted
from routing.api.operator.documents import ONCE, TAG, Reason, answer, component
from routing.api.operator.errors import Conflict, NotThere
from routing.api.operator.paging import number
from routing.api.operator.resource import columns
from routing.api.operator.views import OperatorView
from routing.errors import RoutingError

SEE, ACT = "providers.view_provider", residency.RIGHT
USUAL_HOURS: Final = 24
MOST_HOURS: Final = 168  # samples are kept for seven days
SAMPLE_S: Final = 300
MOST_POINTS: Final = 120
MOST_MOVES: Final = 500


class ServerCannot(RoutingError):
    """The local server's own API has no way to do it."""

    status, type, code, retry = 501, "invalid_request_error", "not_offered", False


class ServerFailed(RoutingError):
    """The local server did not answer, or failed."""

    status, code = 502, "local_server_failed"


class GpuNow(Struct):
    """A GPU at its last sample, of the last 15 minutes: watts, degrees Celsius; null where the driver does not say."""

    host: str
    gpu: str
    name: str
    used_bytes: int
    total_bytes: int
    busy_percent: int | None
    power_w: float | None
    power_limit_w: float | None
    temperature_c: float | None
    taken_at: datetime


class ServerNow(Struct):
    """A local server as it answers now, with its models; all null where it does not, and `trouble` says why."""

    provider: str
    kind: str | None
    health: str | None
    models: tuple[LocalModel, ...] | None
    trouble: str


class Vram(Struct):
    """GPUs as the job workers sampled them last, and the local servers, asked at this moment."""

    object: str
    gpus: list[GpuNow]
    servers: list[ServerNow]


class GpuHistory(Struct):
    """The most memory of a GPU in use in each step, null without a sample."""

    host: str
    gpu: str
    name: str
    total_bytes: int
    used_bytes: tuple[int | None, ...]


class ModelHistory(Struct):
    """One model of a local server, by the server's own name for it. `vram_bytes` is at the moment of each step when all
    models together took most: 0 while it was not there, null where the server does not say or was not looked at;
    `in_memory` is at any time of the step."""

    provider: str
    model: str
    vram_bytes: tuple[int | None, ...]
    in_memory: tuple[bool | None, ...]


class ModelMove(Struct):
    """A look first saw a model in memory (`loaded`), or last saw it there."""

    at: datetime
    provider: str
    model: str
    loaded: bool
    vram_bytes: int | None


class VramHistory(Struct):
    """Step n begins `n * step_s` seconds after `start`; the last one is not over. Moves are the newest first."""

    object: str
    start: datetime
    step_s: int
    gpus: list[GpuHistory]
    models: list[ModelHistory]
    moves: list[ModelMove]


class ModelOnServer(Reason, kw_only=True):
    """A model of a local server, by the server's own name for it."""

    provider: Annotated[str, Meta(min_length=1, max_length=64)]
    model: Annotated[str, Meta(min_length=1, max_length=300)]


class ServerModel(Struct):
    """What the server says of the model now; null where it does not say."""

    provider: str
    model: LocalModel | None


BODY: Final = {"provider": "ollama", "model": "llama3.1:8b", "reason": "before the morning"}
MODEL: Final = {
    "name": "llama3.1:8b", "state": "loaded", "size_bytes": 6_900_000_000, "vram_bytes": 6_900_000_000,
    "context": 8192, "expires_at": "2026-01-31T12:05:00Z", "slots": None, "busy": None, "detail": "",
    "stays": False, "weights_bytes": 4_920_000_000, "cache_bytes": 131_072, "estimated_bytes": 5_993_741_824,
}  # fmt: skip
GPU: Final = {"host": "box", "gpu": "GPU-4f2a", "name": "NVIDIA RTX 4090", "total_bytes": 25_757_220_864}
NOW: Final = {
    "object": "vram",
    "gpus": [
        {
            **GPU,
            "used_bytes": 7_400_000_000,
            "busy_percent": 12,
            "power_w": 118.4,
            "power_limit_w": 450.0,
            "temperature_c": 51.0,
            "taken_at": "2026-01-31T12:00:00Z",
        }
    ],
    "servers": [{"provider": "ollama", "kind": "ollama", "health": "ready", "models": [MODEL], "trouble": ""}],
}
THEN: Final = {
    "object": "vram_history", "start": "2026-01-31T11:00:00Z", "step_s": 300,
    "gpus": [{**GPU, "used_bytes": [None, 900_000_000, 7_400_000_000]}],
    "models": [
        {
            "provider": "ollama",
            "model": "llama3.1:8b",
            "vram_bytes": [None, 0, 6_900_000_000],
            "in_memory": [None, False, True],
        }
    ],
    "moves": [
        {
            "at": "2026-01-31T11:12:07Z",
            "provider": "ollama",
            "model": "llama3.1:8b",
            "loaded": True,
            "vram_bytes": 6_900_000_000,
        }
    ],
}  # fmt: skip


def told(example: Any) -> list[OpenApiExample]:
    """What an answer looks like."""
    return [OpenApiExample("As it answers", value=example, response_only=True, status_codes=["200"])]


def acting(name: str, summary: str, description: str) -> Any:
    """Describe an operation on a model of a local server."""
    return extend_schema(
        operation_id=f"{name}Model",
        summary=summary,
        description=f"{description} Needs the right `{ACT}`.",
        parameters=[ONCE],
        request={"application/json": component(ModelOnServer)},
        examples=[
            OpenApiExample("A model", value=BODY, request_only=True),
            *told({"provider": "ollama", "model": MODEL}),
        ],
        responses=answer(component(ServerModel), "The model as it is now", 400, 404, 409, 422, 501, 502),
    )


@extend_schema(tags=[TAG])
class VramView(OperatorView):
    """Memory of GPUs and local servers."""

    @extend_schema(
        operation_id="readVram",
        summary="What is in memory now: GPUs, local servers, each model",
        examples=told(NOW),
        responses=answer(component(Vram), "Now"),
    )
    def now(self, request: HttpRequest) -> HttpResponse:
        self.operator.require(SEE)
        gpus = [GpuNow(**columns(row, GpuNow.__struct_fields__)) for row in newest_gpu_samples(timezone.now() - FRESH)]
        return self.json(Vram("vram", gpus, [_server(seen) for seen in residency.look()]))

    @extend_schema(
        operation_id="readVramHistory",
        summary="How full the GPUs have been, and with which models",
        description="GPUs are sampled every five minutes; local servers are asked each minute what is in their memory.",
        parameters=[OpenApiParameter("hours", int, description=f"Until now, 1 to {MOST_HOURS}; usually {USUAL_HOURS}")],
        examples=told(THEN),
        responses=answer(component(VramHistory), f"At most {MOST_POINTS} steps and {MOST_MOVES} moves", 400),
    )
    def history(self, request: HttpRequest) -> HttpResponse:
        self.operator.require(SEE)
        hours = number(request.GET, "hours", USUAL_HOURS, 1, MOST_HOURS)
        step_s = -(-hours * 3600 // (SAMPLE_S * MOST_POINTS)) * SAMPLE_S
        steps = -(-hours * 3600 // step_s)
        start, step = timezone.now() - timedelta(seconds=steps * step_s), timedelta(seconds=step_s)
        buckets = [(start + n * step, start + (n + 1) * step) for n in range(steps)]
        gpus = [GpuHistory(**columns(one, GpuHistory.__struct_fields__)) for one in gpu_courses(buckets)]
        found = memory(buckets)
        models = [ModelHistory(**columns(one, ModelHistory.__struct_fields__)) for one in found.courses]
        moves = [ModelMove(**columns(one, ModelMove.__struct_fields__)) for one in found.moves[:MOST_MOVES]]
        return self.json(VramHistory("vram_history", start, step_s, gpus, models, moves))

    @acting("load", "Take a model into memory", "Answers when the model can be used, which may take ten minutes.")
    def load(self, request: HttpRequest) -> HttpResponse:
        return self._act("load")

    @acting("unload", "Let a model go", "What it answers just then is for the server to end.")
    def unload(self, request: HttpRequest) -> HttpResponse:
        return self._act("unload")

    @acting(
        "pin",
        "Take a model into memory and keep it there",
        "Until it is unloaded, the server ends, or a request makes the server load it anew. Ollama alone can do it.",
    )
    def pin(self, request: HttpRequest) -> HttpResponse:
        return self._act("pin")

    def _act(self, verb: Verb) -> HttpResponse:
        self.operator.require(ACT)
        wish = fitted(self.data(), ModelOnServer)
        provider = _provider(wish.provider)
        residency.note(
            self.operator.actor, verb, provider, wish.model, wish.reason
        )  # no transaction waits for a server
        try:
            residency.ACTS[verb](provider, wish.model)
        except ProviderError as exc:
            raise _refusal(provider, exc) from exc
        return self.json(ServerModel(provider.name, residency.model_now(provider, wish.model)))


def _server(seen: residency.Seen) -> ServerNow:
    if seen.state is None:
        return ServerNow(seen.provider, None, None, None, seen.trouble)
    return ServerNow(seen.provider, seen.state.kind, seen.state.health, seen.state.models, seen.trouble)


def _provider(name: str) -> Provider:
    local = residency.on_our_hardware()
    row = local.filter(name=name).first()
    if row is None:
        names = ", ".join(local.order_by("name").values_list("name", flat=True)[:20]) or "there are none"
        raise NotThere(f"provider: {name} is no provider on our own hardware; those are: {names}", param="provider")
    return row


def _refusal(provider: Provider, exc: ProviderError) -> RoutingError:
    text = f"{provider.name}: {exc.message}"
    if isinstance(exc, NotOffered):
        return ServerCannot(text)
    if isinstance(exc, InvalidRequest):
        return NotThere(text, param="model") if exc.upstream_status == 404 else Conflict(text)
    return ServerFailed(text)
