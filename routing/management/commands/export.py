"""`manage.py export`: the configuration as a file for `manage.py apply`, without secrets."""

from typing import Any

from django.core.management.base import BaseCommand

from routing.configfile.exporting import export


class Command(BaseCommand):
    help = "Write the configuration as YAML to standard output, without secrets."
    requires_system_checks: list[str] = []  # they were asked as it was prepared, and load every page

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(export(), ending="")
