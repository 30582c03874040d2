"""Which upstreams serve this installation? Those found, those that operators entered, or else the sandbox."""

import os
from collections.abc import Callable, Sequence
from typing import Final

from django.conf import settings

from neuroroute.serve.child import Child
from neuroroute.serve.children import sandbox
from neuroroute.serve.console import say
from neuroroute.serve.sockets import LOOPBACK
from providers.adoption import adopt, switch_sandbox
from providers.discovery import find
from providers.found import FoundProvider
from providers.models import Provider
from providers.realms import APART
from providers.sandbox.offer import DEMO, offer

SANDBOX_ANSWERS: Final = (
    "It answers from a SANDBOX: scripted models that cost nothing. For real ones set OPENAI_API_KEY or start Ollama."
)
NOT_REAL: Final = (Provider.Source.SANDBOX, *APART)


def find_upstreams(start: Callable[[Child], None], sandbox_ports: Sequence[int]) -> str:
    """Make providers of what is there, start the sandbox on its ports when it is needed; return a sentence about it."""
    found = find(os.environ)
    for provider in found:
        if provider.note:
            say("upstreams", f"{provider.name}: {provider.note}")
    for line in adopt(found, keep_sandbox=settings.SANDBOX == "on").lines:
        say("upstreams", line)
    if _needs_sandbox():
        _start_sandbox(start, sandbox_ports)
        return SANDBOX_ANSWERS
    switch_sandbox(on=False)
    names = Provider.objects.filter(enabled=True).exclude(source__in=APART).values_list("name", flat=True)
    return f"Upstreams: {', '.join(names)}" if names else "No upstream yet: add a provider in the admin."


def _needs_sandbox() -> bool:
    if settings.SANDBOX == "auto":
        return not Provider.objects.filter(enabled=True).exclude(source__in=NOT_REAL).exists()
    return bool(settings.SANDBOX == "on")


def _start_sandbox(start: Callable[[Child], None], ports: Sequence[int]) -> None:
    by_wire = dict(zip(DEMO, ports, strict=False))
    for wire, port in by_wire.items():
        start(sandbox(wire, LOOPBACK, port))
    offers: list[FoundProvider] = offer({wire: f"http://{LOOPBACK}:{port}" for wire, port in by_wire.items()})
    for line in adopt(offers, keep_sandbox=True).lines:
        say("upstreams", line)
    switch_sandbox(on=True)
