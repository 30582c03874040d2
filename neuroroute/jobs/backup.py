"""Copy the database when its schedule says so."""

from time import monotonic
from typing import Any

from django.conf import settings
from django.utils import timezone

from neuroroute import backups
from profiling.jobs.base import JobKind, Progress, Run


class CopyDatabase(JobKind):
    """Copies the database into VAR_DIR/backups and keeps the newest BACKUP_KEEP; its time is set on the system page."""

    name = "backup"
    label = "Copy the database"
    lost = "There is no newer copy of the database than the last one on the system page."
    tries = 3

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        """Done twice, it leaves two copies, which is no harm. Raises `backups.BackupFailed`."""
        began = monotonic()
        made = backups.make(backups.usual_place(), settings.BACKUP_KEEP, timezone.now())
        return {"file": made.path.name, "bytes": made.bytes, "seconds": round(monotonic() - began, 1)}
