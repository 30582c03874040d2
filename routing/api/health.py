"""Is the worker alive, and is it ready? Liveness says nothing more; readiness looks at what a request depends on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from routing.runtime import runtime
from usage.spool import NAME, backlog, try_to_write

LONGEST_BACKLOG_S: Final = 60.0


class Live(APIView):
    """The process answers."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="health", summary="Liveness", tags=["Health"], responses=OpenApiTypes.OBJECT, auth=[])
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class Ready(APIView):
    """The worker can serve: configuration loaded, database, cache and journal in order. 503 where it cannot."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="ready", summary="Readiness", tags=["Health"], responses=OpenApiTypes.OBJECT, auth=[])
    def get(self, request: Request) -> Response:
        found = {name: _look(check) for name, check in CHECKS.items()}
        draining = settings.DRAINING_FILE.exists()  # the supervisor is about to stop the web server
        bad = any(state != "ok" for state in found.values()) or draining
        checks: dict[str, Any] = {**found, "draining": draining}
        return Response({"status": "unavailable" if bad else "ok", "checks": checks}, status=503 if bad else 200)


def _look(check: Callable[[], str]) -> str:
    """A check's word; what it raises is named by its class alone, because this page is public."""
    try:
        return check()
    except Exception as exc:
        return type(exc).__name__


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return "ok"


def _cache() -> str:
    cache.set("health", 1, 5)
    return "ok" if cache.get("health") == 1 else "forgetful"


def _configuration() -> str:
    now = runtime()
    stale = now.watcher.failure is not None
    return "stale" if stale else "ok" if now.catalog.current.targets else "no deployment is enabled"


def _journal() -> str:
    """What cannot be recorded is not answered: so it is tried, as a request would."""
    directory = Path(settings.VAR_DIR) / NAME
    try_to_write(directory)
    age = backlog(directory).oldest_age_s
    return "ok" if age < LONGEST_BACKLOG_S else f"backlog of {age:.0f} s"


CHECKS: Final[dict[str, Callable[[], str]]] = {
    "database": _database,
    "cache": _cache,
    "configuration": _configuration,
    "journal": _journal,
}
