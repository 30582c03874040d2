"""Which models of the local providers are in memory, and how do they get in and out?"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from msgspec import Struct
from msgspec.structs import replace

from providers import audit
from providers.adapters import adapters
from providers.errors import InvalidRequest, ProviderError
from providers.local_servers import recognised
from providers.local_servers.asking import Asking
from providers.local_servers.base import LocalModel, LocalServer, ServerState, Verb, estimated
from providers.models import Deployment, Provider, in_use
from providers.realms import APART
from providers.secrets import SecretUnreadable, unseal
from providers.targets import Secret

RIGHT: Final = "providers.change_provider"  # to load, unload and pin
UNKNOWN: Final = "no Ollama, LM Studio or llama.cpp answers at its base URL"


class Seen(Struct, frozen=True):
    """A local provider as it is now; `state` is None where nobody answers, and `trouble` says why.

    `ours` maps the server's names of its models to our deployments of them, as far as there are any.
    """

    provider: str
    state: ServerState | None
    trouble: str = ""
    label: str = ""  # of the kind of server
    ours: Mapping[str, Deployment] = {}
    plain: Callable[[str], str] = str  # of the server's names for one model, the one by which it is compared


def look(within_s: float | None = None) -> list[Seen]:
    """Every enabled provider that runs on our own hardware, by name; each may take so many seconds to answer."""
    return [_look(row, within_s) for row in on_our_hardware().filter(enabled=True).order_by("name")]


def look_at(name: str) -> Seen | None:
    """One of them; None where there is none of that name."""
    row = on_our_hardware().filter(enabled=True, name=name).first()
    return _look(row) if row else None


def on_our_hardware() -> QuerySet[Provider]:
    """The providers whose models can be told to load; the drill's are there for minutes."""
    return Provider.objects.filter(local=True).exclude(source__in=APART)


def note(actor: audit.Actor, verb: Verb, provider: Provider, model: str, reason: str) -> None:
    """Write into the audit log what is asked, before it is done: of a worker that died over it there is a row, too."""
    audit.record(actor, f"asked to {verb}", provider, {"model": [None, model]}, reason)


def load(provider: Provider, upstream_model: str) -> None:
    """Take a model into memory, which may take minutes; raises `ProviderError` saying why it cannot be."""
    with _server(provider) as (server, asking):
        _let_the_database_go()
        server.load(asking, upstream_model)


def pin(provider: Provider, upstream_model: str) -> None:
    """Take a model into memory and keep it there; raises `ProviderError` saying why it cannot be."""
    with _server(provider) as (server, asking):
        _let_the_database_go()
        server.pin(asking, upstream_model)


def unload(provider: Provider, upstream_model: str) -> None:
    """Let a model go; raises `ProviderError` saying why it cannot be."""
    with _server(provider) as (server, asking):
        server.unload(asking, upstream_model)


ACTS: Final[Mapping[Verb, Callable[[Provider, str], None]]] = {"load": load, "unload": unload, "pin": pin}


def model_now(provider: Provider, upstream_model: str) -> LocalModel | None:
    """What the server says of one model, by any name that it takes for it; None where it says nothing."""
    seen = _look(provider)
    if seen.state is None:
        return None
    name = seen.plain(upstream_model)
    return next((model for model in seen.state.models if seen.plain(model.name) == name), None)


def _let_the_database_go() -> None:
    """Loading takes minutes, and a pool of connections is small."""
    if not connection.in_atomic_block:
        connection.close()


def _look(provider: Provider, within_s: float | None = None) -> Seen:
    try:
        with _server(provider, within_s) as (server, asking):
            state = server.state(asking)
            ours = _ours(provider, server, state)
            return Seen(provider.name, _estimated(state, ours), label=server.label, ours=ours, plain=server.plain)
    except ProviderError as exc:
        return Seen(provider.name, None, exc.message)


def _ours(provider: Provider, server: LocalServer, state: ServerState) -> dict[str, Deployment]:
    rows = Deployment.objects.filter(provider=provider).select_related("model")
    known = {server.plain(row.upstream_model): row for row in rows}
    return {model.name: known[name] for model in state.models if (name := server.plain(model.name)) in known}


def _estimated(state: ServerState, ours: Mapping[str, Deployment]) -> ServerState:
    """With what each model needs at the context that it has, or at the longest that it may be asked for."""
    models = []
    for model in state.models:
        most = ours[model.name].context if model.name in ours else None
        models.append(replace(model, estimated_bytes=estimated(model, model.context or most)))
    return replace(state, models=tuple(models))


@contextmanager
def _server(provider: Provider, within_s: float | None = None) -> Iterator[tuple[LocalServer, Asking]]:
    headers = {**provider.headers, **dict(adapters()[provider.wire].auth_headers(_secret(provider)))}
    until = None if within_s is None else time.monotonic() + within_s
    with Asking(provider.base_url, headers, until=until) as asking:
        server = recognised(asking, provider.wire)
        if server is None:
            raise InvalidRequest(UNKNOWN)
        yield server, asking


def _secret(provider: Provider) -> Secret | None:
    row = provider.credentials.filter(in_use(timezone.now())).first()
    if row is None:
        return None
    try:
        return Secret(row.pk, unseal(row.ciphertext), row.last_four)
    except SecretUnreadable as exc:
        raise InvalidRequest(str(exc)) from exc
