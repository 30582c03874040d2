"""`manage.py backup`: a consistent copy of the database while all runs; `--keep` of them stay."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from neuroroute import backups

MOST = 10_000


def kept(text: str) -> int:
    """A number of copies."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST}")
    return int(text)


class Command(BaseCommand):
    help = "Copy the database while all runs (SQLite by its own copy, PostgreSQL by pg_dump). Secrets are kept apart."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", metavar="DIRECTORY", type=Path, help="instead of VAR_DIR/backups")
        parser.add_argument("--keep", metavar="N", type=kept, default=7, help="how many copies stay there; usually 7")

    def handle(self, *args: Any, **options: Any) -> None:
        directory = options["to"] or backups.usual_place()
        try:
            made = backups.make(directory, options["keep"], datetime.now(UTC))
        except backups.BackupFailed as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{made.path} ({made.bytes:,} bytes)")
