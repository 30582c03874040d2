"""Replace the web workers one after another; no request fails."""

import os
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from neuroroute.serve.running import supervisor_pid


class Command(BaseCommand):
    help = "Replace the web workers of the NeuroRoute that runs on this VAR_DIR one by one; no request fails."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        pid = supervisor_pid() or supervisor_pid("serve-web.lock")
        if pid is None:
            raise CommandError("no NeuroRoute runs on this VAR_DIR")
        os.kill(pid, signal.SIGUSR2)
        self.stdout.write("The web workers are being replaced; the supervisor says when it is done.")
