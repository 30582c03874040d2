"""Which models of the local providers are in memory, and how do they get in and out?"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.utils import timezone
from msgspec import Struct

from providers.adapters import adapters
from providers.errors import InvalidRequest, ProviderError
from providers.local_servers import recognised
from providers.local_servers.asking import Asking
from providers.local_servers.base import LocalModel, LocalServer, ServerState
from providers.models import Provider, in_use
from providers.secrets import SecretUnreadable, unseal
from providers.targets import Secret

UNKNOWN = "no Ollama, LM Studio or llama.cpp answers at its base URL"


class Seen(Struct, frozen=True):
    """A local provider as it is now; `state` is None where nobody answers, and `trouble` says why."""

    provider: str
    state: ServerState | None
    trouble: str = ""


def look() -> list[Seen]:
    """Every enabled provider that runs on our own hardware, by name."""
    return [_look(row) for row in Provider.objects.filter(enabled=True, local=True).order_by("name")]


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


def model_now(provider: Provider, upstream_model: str) -> LocalModel | None:
    """What the server says of one model; None where it says nothing."""
    state = _look(provider).state
    return next((model for model in state.models if model.name == upstream_model), None) if state else None


def _let_the_database_go() -> None:
    """Loading takes minutes, and a pool of connections is small."""
    if not connection.in_atomic_block:
        connection.close()


def _look(provider: Provider) -> Seen:
    try:
        with _server(provider) as (server, asking):
            return Seen(provider.name, server.state(asking))
    except ProviderError as exc:
        return Seen(provider.name, None, exc.message)


@contextmanager
def _server(provider: Provider) -> Iterator[tuple[LocalServer, Asking]]:
    headers = {**provider.headers, **dict(adapters()[provider.wire].auth_headers(_secret(provider)))}
    with Asking(provider.base_url, headers) as asking:
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
