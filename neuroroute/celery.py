"""How jobs travel: the Celery application, on a broker that needs no server unless CELERY_BROKER_URL names one.

celery -A neuroroute --skip-checks --quiet worker --without-gossip --without-mingle   (threads, two jobs at a time)
celery -A neuroroute --skip-checks --quiet beat                                        (any number: one at a time works)
"""

import os
from pathlib import Path
from typing import Any, Final

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuroroute.settings")

POLLS_EVERY_S: Final = 1.0


def broker_settings(url: str, folder: Path) -> dict[str, Any]:
    """Celery's broker settings: `url`, or files in `folder` where it is empty."""
    if url:
        options: dict[str, Any] = {"max_retries": 1, "interval_start": 0}  # of one sending; the sweeper sends again
        if url.startswith(("redis", "rediss")):
            options["global_keyprefix"] = f"{settings.REDIS_PREFIX}:jobs:"
        return {"broker_url": url, "broker_transport_options": options}
    messages, control = folder / "messages", folder / "control"
    messages.mkdir(parents=True, exist_ok=True)
    options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "processed_folder": str(folder / "processed"),
        "store_processed": False,
        "polling_interval": POLLS_EVERY_S,
    }
    return {"broker_url": "filesystem://localhost//", "broker_transport_options": options}


app = Celery("neuroroute")
app.conf.update(
    broker_settings(settings.CELERY_BROKER_URL, settings.VAR_DIR / "broker"),
    imports=["profiling.tasks"],
    beat_scheduler="profiling.beat:OneBeatScheduler",
    worker_pool="threads",
    worker_concurrency=2,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=3,
    result_backend=None,
    result_expires=None,
    task_default_queue="neuroroute",
    timezone="UTC",
)
