"""One line per request of the data plane, written by the shipper with the record, so that no answer waits for it.

Whatever stands in a line is ours: ids, names from the configuration, classes, figures. Nothing that a caller or an
upstream wrote does, so nothing has to be searched for secrets, which would cost more than shipping the record.
"""

import logging
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.conf import settings

from usage.outcomes import Outcome

LOGGER: Final = "usage.accesslog"
EVENT: Final = "request"
_SHARES: Final = 0x10000  # of the last 16 bits of an id, which are random


def tell(outcomes: Iterable[Outcome]) -> None:
    """Write the lines of these requests to standard error, where the level is info or finer."""
    if not logging.getLogger(LOGGER).isEnabledFor(logging.INFO):
        return
    lines = lines_of(outcomes, settings.LOG_FORMAT, settings.LOG_SAMPLE_PERCENT)
    if lines:
        sys.stderr.write("\n".join([*lines, ""]))
        sys.stderr.flush()


def lines_of(outcomes: Iterable[Outcome], form: str, percent: int) -> list[str]:
    """Their lines in the form of all others (`neuroroute.logs`); of the ids that sampling keeps, as it does there."""
    write: Callable[[dict[str, Any]], str] = _json if form == "json" else _text
    kept = percent * _SHARES / 100
    return [write(_fields(one)) for one in outcomes if int(one.id[-4:], 16) < kept]


def _fields(one: Outcome) -> dict[str, Any]:
    """What a line says; `timestamp` is when the answer ended."""
    return {
        "request_id": f"req_{one.id}",
        "tenant": one.tenant,
        "key_id": one.key_id,
        "surface": one.surface,
        "stream": one.stream,
        "provider": one.provider,
        "model": one.model,
        "policy": one.policy,
        "status": one.status,
        "http_status": one.http_status,
        "error": one.error,
        "attempts": one.attempts_count,
        "failovers": one.failovers,
        "prompt_tokens": one.prompt_tokens,
        "completion_tokens": one.completion_tokens,
        "cost_nano_usd": one.cost_nano_usd,
        "ttft_ms": one.ttft_ms,
        "total_ms": one.total_ms,
        "event": EVENT,
        "logger": LOGGER,
        "level": "info",
        "timestamp": _instant(one),
    }


def _instant(one: Outcome) -> str:
    ended = datetime.fromtimestamp(one.started_us / 1e6 + one.total_ms / 1e3, UTC)
    return ended.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _json(fields: dict[str, Any]) -> str:
    return msgspec.json.encode(fields).decode()


def _text(fields: dict[str, Any]) -> str:
    told = " ".join([f"{name}={_word(value)}" for name, value in list(fields.items())[:-4] if value is not None])
    return f"{fields['timestamp']} [info     ] {EVENT:<30} [{LOGGER}] {told}"


def _word(value: Any) -> Any:
    return value if not isinstance(value, str) or value.isprintable() else repr(value)
