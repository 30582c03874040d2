"""How is the database copied while all runs, and which copies are there?

A copy is written beside its final name and renamed when it is whole, so that what has the name of a backup is one.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient
from msgspec import Struct

STEM: Final = "neuroroute-"
ENDINGS: Final = {"sqlite": ".sqlite3", "postgresql": ".dump"}
DRAFT: Final = ".part"
LONGEST_REASON: Final = 500


class BackupFailed(Exception):
    """No copy was made; the message says why and what to do."""


class Backup(Struct, frozen=True):
    """One copy of the database."""

    path: Path
    made_at: datetime
    bytes: int


def usual_place() -> Path:
    """Where copies go unless somebody says otherwise."""
    return Path(settings.VAR_DIR) / "backups"


def latest(directory: Path) -> list[Backup]:
    """The copies in a directory, the newest first; none where it does not exist. Raises `OSError`."""
    if not directory.exists():
        return []
    found = [path for path in directory.iterdir() if _is_backup(path)]
    stats = [(path, path.stat()) for path in found]
    made = [Backup(path, datetime.fromtimestamp(stat.st_mtime, UTC), stat.st_size) for path, stat in stats]
    return sorted(made, key=lambda one: (one.made_at, one.path.name), reverse=True)


def make(directory: Path, keep: int, now: datetime) -> Backup:
    """Copy the database into `directory` and delete all but the newest `keep` copies; raises `BackupFailed`."""
    ending = ENDINGS.get(connection.vendor)
    if ending is None:
        raise BackupFailed(f"{connection.vendor} databases are not copied here: use the database's own tool")
    path = directory / f"{STEM}{now:%Y%m%dT%H%M%S.%fZ}{ending}"
    draft = path.with_name(path.name + DRAFT)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.touch(mode=0o600, exist_ok=False)  # sealed credentials and digests of keys are in it
        COPIES[connection.vendor](draft)
        os.replace(draft, path)
    except (OSError, sqlite3.Error) as exc:
        raise BackupFailed(f"{path}: {exc}") from exc
    finally:
        draft.unlink(missing_ok=True)
    made = latest(directory)
    for old in made[keep:]:
        old.path.unlink(missing_ok=True)
    return made[0]


def _copy_sqlite(draft: Path) -> None:
    """SQLite's own online copy: one state of the database, with what still lies in its write-ahead log."""
    source = f"{Path(connection.settings_dict['NAME']).resolve().as_uri()}?mode=ro"
    with (
        contextlib.closing(sqlite3.connect(source, uri=True)) as held,
        contextlib.closing(sqlite3.connect(draft)) as copy,
    ):
        held.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise BackupFailed(f"the copy is damaged, and so perhaps is the database: {verdict}")


def _copy_postgresql(draft: Path) -> None:
    """`pg_dump` copies one state of the database. The password goes by its environment, where `ps` does not show it."""
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupFailed("PostgreSQL is copied by pg_dump, which is not installed here: install PostgreSQL's client")
    (_, *arguments), more = DatabaseClient.settings_to_cmd_args_env(
        connection.settings_dict, ["--format=custom", "--no-password", f"--file={draft}"]
    )
    done = subprocess.run([program, *arguments], env={**os.environ, **(more or {})}, capture_output=True, text=True)
    if done.returncode != 0:
        said = done.stderr.strip()[-LONGEST_REASON:] or f"exit code {done.returncode}"
        raise BackupFailed(f"pg_dump failed: {said}")


COPIES: Final[dict[str, Callable[[Path], None]]] = {"sqlite": _copy_sqlite, "postgresql": _copy_postgresql}


def _is_backup(path: Path) -> bool:
    return path.name.startswith(STEM) and path.suffix in ENDINGS.values() and path.is_file()
