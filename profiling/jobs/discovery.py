"""Look for upstreams again: a new key takes a restart, a local server may start at any time."""

import os
from datetime import timedelta
from typing import Any

from django.conf import settings

from profiling.jobs.base import JobKind, Progress, Run
from providers.adoption import adopt
from providers.discovery import find


class Discovery(JobKind):
    """Looks for upstreams in the environment and on this machine, and adds what is new to the catalogue."""

    name = "discovery"
    label = "Look for upstreams"
    every = timedelta(minutes=5)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        found = find(os.environ)
        progress(0.7, f"{len(found)} upstreams answer or have a key")
        adopted = adopt(found, keep_sandbox=settings.SANDBOX == "on")
        return {"found": [provider.name for provider in found], "changes": adopted.lines}
