"""`GET /v1/models`: the router's own names first, then what this key may call; from memory."""

from collections.abc import Iterable
from typing import Final

import msgspec
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema

from providers.targets import Price, Target
from routing.api.base import Finished, GatewayView, headers_of, respond
from routing.api.contracts import ModelEntry, ModelList, answers
from routing.api.entry import caller_of
from routing.candidates import allows
from routing.errors import UnknownModel
from routing.policybook import SHORT_NAMES, PolicyBook
from routing.runtime import Runtime, runtime
from tenants.callers import Caller

OWNER: Final = "neuroroute"
CREATED: Final = 1_763_596_800  # the names' age means nothing; clients demand an integer
PICO_PER_DOLLAR: Final = 1_000_000_000_000


@extend_schema(tags=["Data plane"])
class Models(GatewayView):
    """What may be asked for."""

    @extend_schema(operation_id="listModels", summary="List models", responses=answers(ModelList, "The names", 401))
    async def get(self, request: HttpRequest) -> Finished:
        now = runtime()
        caller = caller_of(headers_of(request), now.keyring.current)
        entries = [*own_names(now.policies.current), *callable_models(now, caller)]
        return respond(msgspec.json.encode(ModelList("list", entries)), [])


@extend_schema(tags=["Data plane"])
class OneModel(GatewayView):
    """One name."""

    @extend_schema(
        operation_id="retrieveModel", summary="Describe a model", responses=answers(ModelEntry, "The name", 401, 404)
    )
    async def get(self, request: HttpRequest, model: str) -> Finished:
        now = runtime()
        caller = caller_of(headers_of(request), now.keyring.current)
        for entry in (*own_names(now.policies.current), *callable_models(now, caller)):
            if entry.id == model:
                return respond(msgspec.json.encode(entry), [])
        near = now.catalog.current.nearest(model)
        raise UnknownModel(f"{model}: no model has this name" + (f"; nearest: {near}" if near else ""), param="model")


def own_names(book: PolicyBook) -> list[ModelEntry]:
    """`auto`, its short forms, and one name per policy."""
    names = {"auto": "the tenant's default policy chooses"}
    names |= {f"auto:{short}": f"policy {long} chooses" for short, long in SHORT_NAMES.items() if long in book.by_name}
    names |= {f"auto:{name}": f"policy {name} chooses" for name in book.by_name if f"auto:{name}" not in names}
    return [ModelEntry(name, "model", CREATED, OWNER, text) for name, text in names.items()]


def callable_models(now: Runtime, caller: Caller) -> Iterable[ModelEntry]:
    """One entry per model that the caller's allow list admits, in the catalogue's order."""
    by_name: dict[str, list[Target]] = {}
    for target in now.catalog.current.targets:
        if allows(caller.allow_models, target):
            by_name.setdefault(target.model, []).append(target)
    for name, targets in by_name.items():
        providers = [t.provider for t in targets]
        contexts = [t.context for t in targets if t.context]
        skills = sorted(frozenset().union(*(t.capabilities for t in targets)))
        price = next((t.price for t in targets if t.price), None)
        owner = providers[0]
        yield ModelEntry(
            name, "model", CREATED, owner, None, providers, max(contexts, default=None), skills, pricing(price)
        )


def pricing(price: Price | None) -> dict[str, str] | None:
    """USD per token as decimal strings, as OpenRouter lists them; None is unknown."""
    if price is None:
        return None
    return {"prompt": per_token(price.input), "completion": per_token(price.output)}


def per_token(pico: int) -> str:
    return f"{pico // PICO_PER_DOLLAR}.{pico % PICO_PER_DOLLAR:012d}".rstrip("0").rstrip(".")
