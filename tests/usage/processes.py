"""What tests run in processes of their own: `python -m tests.usage.processes <what> ...`."""

import random
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import django
from django.conf import settings

django.setup()

from tenants.charges import Charge  # noqa: E402
from tests.usage.stories import story  # noqa: E402
from usage import families, spool  # noqa: E402
from usage.errors import JournalUnavailable  # noqa: E402
from usage.journal import Journal  # noqa: E402
from usage.shipper import Shipper  # noqa: E402


def write_for_ever() -> None:
    """Journal outcomes one after the other; print each id once it is durable."""
    journal, rng = _journal(), random.Random(time.time())
    while True:
        outcome = story(datetime.now(UTC), rng)
        journal.write(outcome)
        print(outcome.id, flush=True)


def write_on_a_full_disk() -> None:
    """Journal outcomes while there is room, twice while there is none, and again with room; print what is durable."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal, rng = _journal(), random.Random(1)
    for room in (True, False, False, True):
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY if room else 10, resource.RLIM_INFINITY))
        for _ in range(10):
            outcome = story(datetime.now(UTC), rng)
            try:
                journal.write(outcome)
                print(outcome.id, flush=True)
            except JournalUnavailable as exc:
                print("unavailable", exc.message, flush=True)


def begin_for_ever() -> None:
    """Begin requests that cost money, journal every other one; print what became of each."""
    journal, rng = _journal(), random.Random(time.time())
    print("writer", journal.writer, flush=True)
    while True:
        outcome = story(datetime.now(UTC), rng, status="answered")
        if not outcome.attempts:
            continue
        outcome.attempts[-1].ended_ms = 0.0
        outcome.charges = [Charge(1, 0, "usd", 5, journal.writer, outcome.attempts[-1].index)]
        journal.begin(outcome)
        print("begun", outcome.id, flush=True)
        if rng.random() < 0.5:
            outcome.attempts[-1].ended_ms, outcome.charges[0].amount = 9.0, 2
            journal.write(outcome)
            print("written", outcome.id, flush=True)


def ship_unlocked() -> None:
    """Ship everything without asking whether somebody else does."""
    shipper = Shipper(_spool(), batch_rows=50)
    while True:
        shipped = shipper.ship_or_wait()
        if shipped == 0:
            return


def count(amount: str) -> None:
    """Count in this process, say so, stay until killed."""
    for _ in range(int(amount)):
        families.attempts.labels("alpha", "small", "answered").inc()
        families.duration.labels("alpha", "small").observe(0.3)
    families.success_rate.labels("small").set(0.5)
    print("counted", flush=True)
    time.sleep(60)


def _journal() -> Journal:
    return Journal(_spool(), "process", rows_per_segment=300)


def _spool() -> Path:
    return Path(settings.VAR_DIR) / spool.NAME


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    tasks = {
        "write": write_for_ever,
        "begin": begin_for_ever,
        "write_on_a_full_disk": write_on_a_full_disk,
        "ship": ship_unlocked,
        "count": count,
    }
    tasks[what](*arguments)
