"""Stop and start the sandbox's providers one by one, to see what a failover looks like."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from neuroroute.serve.sandboxes import SandboxTrouble, start, status, stop


class Command(BaseCommand):
    help = "Stop or start a sandbox provider of the NeuroRoute that runs here, or show them all."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])
        parser.add_argument("name", nargs="?", help="sandbox-openai, or just openai; all of them when left out")

    def handle(self, *args: Any, action: str, name: str | None, **options: Any) -> None:
        act = {"start": start, "stop": stop, "status": status}[action]
        try:
            for line in act(name):
                self.stdout.write(line)
        except SandboxTrouble as exc:
            raise CommandError(str(exc)) from exc
