"""Which upstreams are there? Keys in the environment, and local servers that answer, asked all at once."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final

from providers.adapters import adapters
from providers.adapters.base import ListedModel
from providers.errors import BadUpstreamResponse, CredentialRejected, ProviderError, UpstreamTimeout
from providers.found import FoundProvider
from providers.listing import known_models, listed_models
from providers.local_servers import local_servers
from providers.local_servers.asking import Asking
from providers.probe import list_models
from providers.secrets import last_four
from providers.targets import Secret
from providers.vendors import VENDORS, Lead, Vendor, leads

ASK_S: Final = 1.5
GRACE_S: Final = 0.3  # a resolver may hang longer than any time-out of ours; its thread is then left behind
NOT_A_ROW: Final = 0  # the id of a secret that is not stored yet
DETAIL_S: Final = 1.0
Listing = list[ListedModel] | ProviderError


def find(
    environment: Mapping[str, str], *, vendors: tuple[Vendor, ...] = VENDORS, ask_s: float = ASK_S
) -> list[FoundProvider]:
    """Return every upstream whose key is in `environment`, and every local server that answers with a model.

    All are asked at once, each for at most `ask_s`. A hosted upstream that does not list its models in time comes with
    those that `priors.yaml` knows there, and a `note`. Raises `ValueError`, naming the variable, for a bad URL.
    """
    asked = leads(environment, vendors)
    answers = _all_at_once([_question(lead, ask_s) for lead in asked], ask_s + GRACE_S)
    late = UpstreamTimeout(f"no answer within {ask_s:g} s")
    found = [_found(lead, answers.get(number, late)) for number, lead in enumerate(asked)]
    return [provider for provider in found if provider is not None]


def _question(lead: Lead, ask_s: float) -> Callable[[], Listing]:
    return lambda: _ask(lead, time.monotonic() + ask_s)


def _all_at_once(calls: Sequence[Callable[[], Listing]], wait_s: float) -> dict[int, Listing]:
    """Run `calls` in daemon threads; return what has come, by position, after `wait_s` seconds at most."""
    came: SimpleQueue[tuple[int, Listing]] = SimpleQueue()
    for number, call in enumerate(calls):
        threading.Thread(target=_put, args=(came, number, call), daemon=True, name=f"discovery-{number}").start()
    deadline = time.monotonic() + wait_s
    results: dict[int, Listing] = {}
    while len(results) < len(calls):
        try:
            number, result = came.get(timeout=max(deadline - time.monotonic(), 0))
        except Empty:
            break
        results[number] = result
    return results


def _put(came: "SimpleQueue[tuple[int, Listing]]", number: int, call: Callable[[], Listing]) -> None:
    came.put((number, call()))


def _ask(lead: Lead, deadline: float) -> Listing:
    """List the models of one upstream; whatever goes wrong is an answer too."""
    secret = Secret(NOT_A_ROW, lead.key, last_four(lead.key)) if lead.key else None
    try:
        listed = list_models(adapters()[lead.vendor.wire], lead.base_url, secret, {}, deadline - time.monotonic())
        return _detailed(lead, listed, deadline) if lead.vendor.local else listed
    except ProviderError as exc:
        return exc
    except Exception as exc:  # a key that is no header, an answer that no adapter foresaw: the others still count
        return BadUpstreamResponse(f"the listing failed ({type(exc).__name__})")


def _detailed(lead: Lead, listed: list[ListedModel], deadline: float) -> list[ListedModel]:
    """What a local server tells beside its listing, while there is time."""
    server = local_servers().get(lead.vendor.name)
    if server is None:
        return listed
    with Asking(lead.base_url, timeout_s=DETAIL_S, until=deadline) as asking:
        return server.detailed(asking, listed)


def _found(lead: Lead, listing: Listing) -> FoundProvider | None:
    """A local server counts once it has a model to offer; a hosted one as soon as its key is there."""
    vendor = lead.vendor
    failed = isinstance(listing, ProviderError)
    if isinstance(listing, ProviderError):
        models = () if vendor.local or lead.moved else known_models(vendor)
    else:
        models = listed_models(vendor, lead.moved, listing)
    if vendor.local and not models:
        return None
    return FoundProvider(
        name=vendor.name,
        wire=vendor.wire,
        base_url=lead.base_url,
        source="discovered",
        secret=lead.key,
        local=vendor.local,
        allow_private=vendor.local or lead.moved,
        models=models,
        note=_note(lead, listing) if failed else "",
    )


def _note(lead: Lead, failure: Any) -> str:
    if isinstance(failure, CredentialRejected):
        return f"refused the key in {' or '.join(lead.vendor.key_names)}"
    return f"did not list its models ({type(failure).__name__}); the well-known ones are assumed"
