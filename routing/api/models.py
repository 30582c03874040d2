"""`GET /v1/models`: the router's own names first, then what this key may call; from memory."""

from collections.abc import Iterable
from typing import Final

import msgspec
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from msgspec import Struct

from providers.catalog import Catalog
from providers.realms import Realm
from providers.targets import Price, Target
from routing.api.base import Finished, GatewayView, headers_of, respond
from routing.api.contracts import ModelEntry, ModelList, answers
from routing.api.entry import caller_of
from routing.api.headers import id_headers
from routing.candidates import may_call, nearest
from routing.errors import UnknownModel
from routing.policybook import SHORT_NAMES, PolicyBook, names_of
from routing.runtime import Runtime, runtime
from tenants.callers import Caller

OWNER: Final = "neuroroute"
CREATED: Final = 1_763_596_800  # the names' age means nothing; clients demand an integer
Rights = tuple[Realm, *tuple[tuple[str, ...], ...]]  # the realm, then what tenant and key admit
LISTINGS_KEPT: Final = 32  # rights: a quarter of a megabyte each with a thousand models
PICO_PER_DOLLAR: Final = 1_000_000_000_000


@extend_schema(tags=["Data plane"])
class Models(GatewayView):
    """What may be asked for."""

    @extend_schema(operation_id="listModels", summary="List models", responses=answers(ModelList, "The names", 401))
    async def get(self, request: HttpRequest) -> Finished:
        now = runtime()
        caller = caller_of(headers_of(request), now.keyring.current)
        return respond(_book.listing(now, caller).whole, id_headers(self.request_id))


@extend_schema(tags=["Data plane"])
class OneModel(GatewayView):
    """One name."""

    @extend_schema(
        operation_id="retrieveModel", summary="Describe a model", responses=answers(ModelEntry, "The name", 401, 404)
    )
    async def get(self, request: HttpRequest, model: str) -> Finished:
        now = runtime()
        caller = caller_of(headers_of(request), now.keyring.current)
        listing, catalog = _book.listing(now, caller), now.catalog.current.seen(caller.realm)
        for name in (model, *meant_by(model, catalog, caller)):
            if found := listing.each.get(name):
                return respond(found, id_headers(self.request_id))
        near = nearest(catalog, model, caller)
        raise UnknownModel(f"{model}: no model has this name" + (f"; nearest: {near}" if near else ""), param="model")


def meant_by(name: str, catalog: Catalog, caller: Caller) -> Iterable[str]:
    """The models that an alias or `provider/model` leads this caller to."""
    one = catalog.by_name.get(name)
    targets = catalog.by_model.get(name, ()) if one is None else (one,)
    return (target.model for target in targets if may_call(caller, target, catalog))


class Listing(Struct, frozen=True):
    """What callers of the same rights may ask for, as JSON: the whole list, and each name's entry."""

    whole: bytes
    each: dict[str, bytes]


class ListingBook:
    """The listings of the present catalogue and policies; front ends ask on every prompt, and little changes."""

    def __init__(self) -> None:
        self._of: tuple[Catalog, PolicyBook] | None = None
        self._listings: dict[Rights, Listing] = {}

    def listing(self, now: Runtime, caller: Caller) -> Listing:
        """What the caller may ask for; written once for all callers of the same rights."""
        catalog, policies = now.catalog.current, now.policies.current
        if self._of is None or self._of[0] is not catalog or self._of[1] is not policies:
            self._of, self._listings = (catalog, policies), {}
        scope = caller.scope
        lists = (caller.allow_models, caller.allow_policies, scope.models, scope.policies)
        key = (caller.realm, *lists, (caller.default_policy,))
        found = self._listings.get(key)
        if found is None:
            if len(self._listings) >= LISTINGS_KEPT:
                self._listings.clear()
            catalog, policies = catalog.seen(caller.realm), policies.seen(caller.realm)
            entries = [*own_names(policies, caller), *callable_models(catalog, caller)]
            found = self._listings[key] = _written(entries)
        return found


def _written(entries: list[ModelEntry]) -> Listing:
    each: dict[str, bytes] = {}
    for entry in entries:
        each.setdefault(entry.id, msgspec.json.encode(entry))
    return Listing(b'{"object":"list","data":[' + b",".join(each.values()) + b"]}", each)


def own_names(book: PolicyBook, caller: Caller) -> list[ModelEntry]:
    """`auto`, its short forms, and one name per policy that the caller may choose."""
    chosen = {name for name, spec in book.by_name.items() if caller.may_choose(*names_of(spec))}
    names = {"auto": "the default policy chooses"}
    names |= {f"auto:{short}": f"policy {long} chooses" for short, long in SHORT_NAMES.items() if long in chosen}
    names |= {f"auto:{name}": f"policy {name} chooses" for name in book.by_name if name in chosen}
    return [ModelEntry(name, "model", CREATED, OWNER, text) for name, text in names.items()]


def callable_models(catalog: Catalog, caller: Caller) -> Iterable[ModelEntry]:
    """One entry per model that the caller may call, in the catalogue's order."""
    by_name: dict[str, list[Target]] = {}
    for target in catalog.targets:
        if may_call(caller, target, catalog):
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
    """USD per token, image and request as decimal strings, as OpenRouter lists them; None is unknown."""
    if price is None:
        return None
    parts = {
        "input_cache_read": price.cached_input,
        "input_cache_write": price.cache_write,
        "internal_reasoning": price.reasoning,
        "audio": price.audio_input,
        "image": price.image or None,
        "request": price.request or None,
    }
    own = {name: per_token(pico) for name, pico in parts.items() if pico is not None}
    return {"prompt": per_token(price.input), "completion": per_token(price.output), **own}


def per_token(pico: int) -> str:
    return f"{pico // PICO_PER_DOLLAR}.{pico % PICO_PER_DOLLAR:012d}".rstrip("0").rstrip(".")


_book: Final = ListingBook()
