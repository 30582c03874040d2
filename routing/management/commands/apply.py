"""`manage.py apply FILE.yaml`: make the configuration what a file says, and say what that changes."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from providers.audit import at_console
from routing.configfile.applying import apply
from routing.configfile.changes import Changes
from routing.configfile.keyfile import write_keys
from routing.configfile.reading import ConfigError, read

BAD_FILE = 2


class Command(BaseCommand):
    help = "Make providers, models, tenants and policies what FILE says (docs/configuration-file.md)."
    requires_system_checks: list[str] = []  # they were asked as it was prepared, and load every page

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="a YAML file, or - for standard input")
        parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
        parser.add_argument("--keys-to", type=Path, metavar="FILE", help="write new client keys there (mode 0600)")

        parser.add_argument("--reason", default="", help="why, for the audit log and the versions of policies")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run, keys_to = options["dry_run"], options["keys_to"]
        actor = at_console("file")
        try:
            changes = apply(
                read(_text(options["file"])),
                actor,
                reason=options["reason"],
                dry_run=dry_run,
                before_commit=lambda done: self._tell(done, keys_to),
            )
        except ConfigError as exc:
            raise CommandError(
                f"{options['file']} was not applied, nothing was changed:\n{exc}", returncode=BAD_FILE
            ) from None
        if dry_run:
            self._show(changes)
        self.stdout.write(_sum(changes, dry_run))

    def _tell(self, changes: Changes, keys_to: Path | None) -> None:
        """Before the commit: the difference, and the keys, which nothing can show again."""
        self._show(changes)
        if not changes.keys:
            return
        if keys_to is None:
            self.stdout.write("Client keys, shown this once:")
            self.stdout.writelines(f"{name}={value}\n" for name, value in changes.keys)
            return
        try:
            write_keys(keys_to, changes.keys)
        except OSError as exc:
            raise CommandError(f"{keys_to}: {exc.strerror}; nothing was changed") from None
        self.stdout.write(f"Client keys written to {keys_to}.")

    def _show(self, changes: Changes) -> None:
        for warning in changes.warnings:
            self.stderr.write(warning)
        for line in changes.lines:
            self.stdout.write(line)


def _text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as exc:
        raise CommandError(f"{name}: {exc.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{name}: not UTF-8 text") from None


def _sum(changes: Changes, dry_run: bool) -> str:
    count = len(changes.lines)
    if not count:
        return "no change"
    changed = f"{count} change{'s' if count > 1 else ''}"
    return f"{changed} to make; dry run: nothing was changed" if dry_run else f"{changed} made"
