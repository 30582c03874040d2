"""Does a provider answer? Its models are listed once per credential, within a bound, and nothing is billed."""

import ssl
import time
from collections.abc import Callable
from functools import cache
from typing import Final

import httpx
from django.db import transaction
from django.utils import timezone
from msgspec import Struct

from providers import revisions
from providers.adapters import adapters
from providers.adapters.base import Adapter, ListedModel
from providers.errors import BadUpstreamResponse, ProviderError, Unreachable, UpstreamTimeout
from providers.errorwords import in_words
from providers.models import Credential, Provider, in_use
from providers.secrets import SecretUnreadable, unseal
from providers.targets import Secret

TIMEOUT_S: Final = 5.0
CREDENTIALS_TRIED: Final = 5
BODY_LIMIT: Final = 8 * 1024 * 1024  # OpenRouter lists its models in about 1 MB


Step = Callable[[int, int], None]


class Probe(Struct, frozen=True):
    """What one listing gave. `message` is safe to show: a credential in an upstream's text is masked."""

    credential: str
    ok: bool
    message: str
    elapsed_ms: float
    models: tuple[ListedModel, ...] = ()


def probe(provider: Provider, step: Step = lambda done, total: None) -> list[Probe]:
    """List the provider's models with each credential in use (the first five), or with none where it has none.

    `step` hears after each how many of how many are done. Where one worked, `Provider.reached_at` says when it was
    sent, and workers hear of it.
    """
    sent = timezone.now()
    rows: list[Credential | None] = list(provider.credentials.filter(in_use(sent))[:CREDENTIALS_TRIED])
    results: list[Probe] = []
    for row in rows or [None]:
        results.append(_probe_credential(provider, row) if row else _probe_with(provider, None))
        step(len(results), len(rows) or 1)
    if any(one.ok for one in results):
        with transaction.atomic():
            Provider.objects.filter(pk=provider.pk).update(reached_at=sent)
            revisions.bump(revisions.REACHED)
    return results


def what_it_does(provider: Provider) -> str:
    """What a test is, for those who are asked whether to."""
    return f"Lists the models at {provider.base_url} with each enabled key. Nothing is generated or billed."


def list_models(
    adapter: Adapter, base_url: str, secret: Secret | None, extra: dict[str, str], timeout_s: float = TIMEOUT_S
) -> list[ListedModel]:
    """GET the upstream's listing; `timeout_s` bounds the whole exchange. Raises `ProviderError`."""
    deadline = time.monotonic() + timeout_s
    headers = [("accept-encoding", "identity"), *extra.items(), *adapter.auth_headers(secret)]
    try:
        with (
            httpx.Client(verify=_trusted(), timeout=timeout_s, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", base_url.rstrip("/") + adapter.models_path(), headers=headers) as response,
        ):
            body = _read(response, deadline)
    except httpx.TimeoutException as exc:
        raise UpstreamTimeout(f"no answer within {timeout_s:g} s") from exc
    except httpx.HTTPError as exc:
        raise Unreachable(f"cannot connect ({type(exc).__name__}); is the base URL right and the server up?") from exc
    if response.status_code != 200:
        raise adapter.error(response.status_code, dict(response.headers), body)
    return adapter.models(body)


@cache
def _trusted() -> ssl.SSLContext:
    """Reading all certificates takes longer than many an upstream, and is no part of what a probe measures."""
    return httpx.create_ssl_context(trust_env=False)


def _read(response: httpx.Response, deadline: float) -> bytes:
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > BODY_LIMIT:
            raise BadUpstreamResponse(f"the listing is longer than {BODY_LIMIT} bytes")
        if time.monotonic() > deadline:
            raise UpstreamTimeout("the listing was not complete in time")
    return bytes(body)


def _probe_credential(provider: Provider, row: Credential) -> Probe:
    try:
        secret = Secret(row.pk, unseal(row.ciphertext), row.last_four)
    except SecretUnreadable as exc:
        return Probe(str(row), False, str(exc), 0.0)
    return _probe_with(provider, secret)


def _probe_with(provider: Provider, secret: Secret | None) -> Probe:
    name = f"…{secret.last_four}" if secret else "no credential"
    _trusted()
    started = time.monotonic()
    try:
        models = list_models(adapters()[provider.wire], provider.base_url, secret, provider.headers)
    except ProviderError as exc:
        return Probe(name, False, _said(exc, secret), _since_ms(started))
    return Probe(name, True, f"{len(models)} models listed", _since_ms(started), tuple(models))


def _said(exc: ProviderError, secret: Secret | None) -> str:
    status = f"HTTP {exc.upstream_status}: " if exc.upstream_status else ""
    text = f"{in_words(type(exc).__name__)}: {status}{exc.message}"[:400]
    return text.replace(secret.value, f"…{secret.last_four}") if secret else text


def _since_ms(started: float) -> float:
    return (time.monotonic() - started) * 1000
