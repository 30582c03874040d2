"""`manage.py ship`: move journalled outcomes into the database until told to stop."""

import os
import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from usage import shipper, spool
from usage.errors import SpoolBusy

NICE: Final = 5  # answers come first


class Command(BaseCommand):
    help = "Move journalled outcomes into the database; one per spool, until SIGTERM, which ships what is left."
    requires_system_checks: list[str] = []  # they were asked as it was prepared, and load every page

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="ship what is there, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        directory = Path(settings.VAR_DIR) / spool.NAME
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if once:
            stop.set()
        os.nice(NICE)
        try:
            with shipper.alone(directory):
                shipper.Shipper(directory).run(stop)
        except SpoolBusy as exc:
            raise CommandError(str(exc)) from exc
