"""How workers hear that there is something to do: a Celery message that carries nothing and may be lost."""

import logging
from datetime import datetime
from typing import Any, Final

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from profiling.jobrows import enqueue, hurry

LOOK: Final = "profiling.look"
EXPIRES_S: Final = 60  # the sweeper sends another one
logger = logging.getLogger(__name__)


def ask_for(kind: str, now: datetime, window: str | None = None, order: dict[str, Any] | None = None) -> bool:
    """Queue one run of `kind` and tell the workers once that is committed; False where one is queued already.

    "Now, please" from a person: give a `window` of its own, e.g. `f"asked {now:%Y-%m-%dT%H:%M:%SZ}"`. A run that is
    queued for later, because its last try failed, is then due at once.
    """
    created = enqueue(kind, now, window, order)
    if created or (window and hurry(kind, now)):
        transaction.on_commit(hint)
    return created


def hint() -> bool:
    """Send one hint; False when the broker cannot be reached, which the next sweep mends."""
    try:
        current_app.send_task(LOOK, ignore_result=True, expires=EXPIRES_S, retry=False)
    except (OperationalError, OSError) as exc:
        logger.warning("the broker does not take a hint now: %s", type(exc).__name__)
        return False
    return True
