"""A migrated database for a whole run: the process that wants it first makes it, all others copy the file; and what a
test has committed is taken back for the next."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from django.apps import apps
from django.core.management import call_command

DATABASE: Final = "neuroroute.sqlite3"
built_in_policies = import_module("routing.migrations.0002_built_in_policies")


def prepared(manage: Callable[..., object]) -> Path:
    """The database of an installation that `manage` has migrated and nobody has used; to be copied."""
    run = Path(os.environ["NEUROROUTE_TEST_DIR"])
    made, making = run / "prepared.sqlite3", run / "preparing"
    with (run / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            manage(making, "migrate", "-v0")
            (making / DATABASE).rename(made)
            shutil.rmtree(making)
    return made


def taking_back(database: Any) -> Callable[[], None]:
    """What makes this database hold again what it holds now, which is what migrations put there."""
    database.ensure_connection()
    if database.vendor != "sqlite":
        return lambda: _emptied(database)
    image = sqlite3.connect(":memory:")
    database.connection.backup(image)

    def take_back() -> None:
        database.ensure_connection()
        image.backup(database.connection)

    return take_back


def _emptied(database: Any) -> None:
    call_command("flush", verbosity=0, interactive=False)
    built_in_policies.create(apps, SimpleNamespace(connection=database))
