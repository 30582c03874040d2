"""Which queries are slow? Those above SLOW_QUERY_MS are logged, with their SQL and without what was put into it.

The data plane asks no database, so this stands in nobody's way; with 0 it is not there at all.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

import structlog
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

LONGEST_SQL: Final = 2000

log = structlog.get_logger(__name__)
Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


def watch(execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Django's execute wrapper: run the query, and say so if it took too long, whether it failed or not."""
    begun = perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        took_ms = (perf_counter() - begun) * 1000
        if took_ms >= settings.SLOW_QUERY_MS:
            log.warning("slow query", ms=round(took_ms, 1), many=many, sql=str(sql)[:LONGEST_SQL])


def install(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Receiver of `connection_created`, which a connection sends anew whenever it reconnects."""
    if watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(watch)
