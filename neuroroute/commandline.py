"""Django's command line: what an operator can mend is a line and exit code 2, not a traceback."""

import sys
from collections.abc import Sequence

from django.core.management import execute_from_command_line
from django.db import DatabaseError, OperationalError

from neuroroute.environment import SettingError

UNPREPARED = "the database is not prepared for this version: run `python manage.py prepare` first (`make run` does)"
AWAY = "the database does not answer; DATABASE_URL says where it is looked for"
NO_TABLE, NO_COLUMN, OF_A_CONNECTION = "42P01", "42703", "08"  # PostgreSQL's codes, appendix A of its manual


def run(argv: Sequence[str]) -> None:
    """What `manage.py` does; `--traceback` shows where it failed."""
    try:
        execute_from_command_line(list(argv))
    except SettingError as exc:
        _end(str(exc))
    except DatabaseError as exc:
        if "--traceback" in argv or not (said := in_words(exc)):
            raise
        _end(f"{said} ({str(exc).splitlines()[0]})")


def in_words(exc: DatabaseError) -> str:
    """What to do about it, where that is known from the error; else nothing."""
    state = getattr(exc.__cause__, "sqlstate", None) or ""
    if state in (NO_TABLE, NO_COLUMN) or str(exc).startswith(("no such table", "no such column")):
        return UNPREPARED
    of_postgres = type(exc.__cause__).__module__.startswith("psycopg")
    away = of_postgres and not state and isinstance(exc, OperationalError)  # nothing came that could have had a code
    return AWAY if away or state.startswith(OF_A_CONNECTION) else ""


def _end(said: str) -> None:
    print(said, file=sys.stderr)
    sys.exit(2)
