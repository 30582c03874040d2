"""Run NeuroRoute. The supervisor is a small process without Django, so this one becomes it."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run NeuroRoute: web server, shipper, jobs and, where nothing else is found, the sandbox."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        os.execv(sys.executable, [sys.executable, "-m", "neuroroute.serve", *argv[2:]])

    def handle(self, *args: Any, **options: Any) -> None:
        self.run_from_argv(["manage.py", "serve"])
