"""`manage.py local_models`: what the local servers have in memory; `--load`, `--pin`, `--unload` provider/model."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers.errors import ProviderError
from providers.local_servers.base import LocalModel
from providers.models import Provider
from providers.residency import Seen, load, look, pin, unload

GIB = 1024**3


class Command(BaseCommand):
    """Looks, loads, unloads."""

    help = "Show what the local servers (Ollama, LM Studio, llama.cpp) have in memory; load or unload a model."

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--load", metavar="PROVIDER/MODEL", help="take it into memory; may take minutes")
        group.add_argument("--pin", metavar="PROVIDER/MODEL", help="take it into memory and keep it there")
        group.add_argument("--unload", metavar="PROVIDER/MODEL", help="let it go")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["load"]:
            self._act(load, options["load"], "loaded")
        elif options["pin"]:
            self._act(pin, options["pin"], "pinned")
        elif options["unload"]:
            self._act(unload, options["unload"], "unloaded")
        else:
            self._show(look())

    def _act(self, act: Callable[[Provider, str], None], name: str, done: str) -> None:
        provider, _, model = name.partition("/")
        row = Provider.objects.filter(name=provider, local=True).first()
        if row is None or not model:
            local = ", ".join(Provider.objects.filter(local=True).values_list("name", flat=True)) or "none"
            raise CommandError(f"{name}: give PROVIDER/MODEL; the local providers: {local}")
        try:
            act(row, model)
        except ProviderError as exc:
            raise CommandError(f"{name}: {exc.message}") from exc
        self.stdout.write(f"{name}: {done}")

    def _show(self, seen: list[Seen]) -> None:
        if not seen:
            self.stdout.write("No provider runs on our own hardware.")
        for each in seen:
            about = f"{each.state.kind}, {each.state.health}" if each.state else each.trouble
            self.stdout.write(f"{each.provider}: {about}")
            for model in each.state.models if each.state else ():
                self.stdout.write(f"  {model.name:<40} {told(model)}")


def told(model: LocalModel) -> str:
    """One line about a model: only what the server says."""
    facts: list[str] = [model.state]
    if model.size_bytes is not None:
        facts.append(f"{model.size_bytes / GIB:.1f} GiB")
    if model.vram_bytes is not None:
        facts.append(f"{model.vram_bytes / GIB:.1f} GiB of it VRAM")
    if model.context is not None:
        facts.append(f"context {model.context:,}")
    if model.slots is not None:
        facts.append(f"{'?' if model.busy is None else model.busy} of {model.slots} slots busy")
    if model.expires_at:
        facts.append(f"until {model.expires_at}")
    return ", ".join([*facts, model.detail] if model.detail else facts)
