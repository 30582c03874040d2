"""Make an installation ready to serve: check, migrate, let people in. `manage.py serve` runs it by itself."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from neuroroute.serve.preparation import prepare_all, prepare_database, prepare_part
from neuroroute.serve.start import PARTS


class Command(BaseCommand):
    help = "Check the settings, bring the database up to date, and make administrator, tenant and client key once."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--plan-to", type=int, help="(for the supervisor) name the processes to start there")
        parser.add_argument("--sandbox-ports", type=int, nargs="*", help="(for the supervisor) what it keeps for them")
        parser.add_argument("--only", choices=PARTS, help="(for the supervisor) name this one alone")

    def handle(
        self, *args: Any, plan_to: int | None, only: str | None, sandbox_ports: list[int], **options: Any
    ) -> None:
        if plan_to is None:
            access = prepare_database()
            self.stdout.write(f"Ready to serve {access.url}; how to sign in is in VAR_DIR/first-run.env")
            return
        with os.fdopen(plan_to, "w", buffering=1) as plan:
            if only:
                prepare_part(only, lambda child: print(child.to_line(), end="", file=plan))
            else:
                prepare_all(lambda child: print(child.to_line(), end="", file=plan), sandbox_ports)
