"""How log lines look: text for people, JSON for collectors, the same for our own loggers and the libraries'.

No secret stands in them (`neuroroute.redaction`), and a line that belongs to a request says which.
"""

import logging
import random
from collections.abc import Iterable
from typing import Any, Final

import structlog

from neuroroute.redaction import Redaction
from neuroroute.requestids import FIELD, add_request_id

NOT_OFFERED: Final = 501
_ID_RANGE: Final = 0x10000


class Sampling(logging.Filter):
    """Lets so many of a hundred info and debug lines pass, and every warning; all of a request's lines or none."""

    def __init__(self, percent: int) -> None:
        super().__init__()
        self._share = percent / 100

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or _place(record) < self._share


def _place(record: logging.LogRecord) -> float:
    """0..1, the same for all lines of a request: by the random end of its id."""
    told = record.msg if isinstance(record.msg, dict) else structlog.contextvars.get_contextvars()
    request_id = told.get(FIELD)
    return int(request_id[-4:], 16) / _ID_RANGE if isinstance(request_id, str) else random.random()


class Refusals(logging.Filter):
    """Django's lines about answers below 500, a forbidden page among them, and about what is not offered (501) are
    warnings, and come without the traceback of their cause: nothing failed."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", 500)
        if status < 500 or status == NOT_OFFERED:
            record.exc_info = None
        if status == NOT_OFFERED:
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        return True


def logging_config(level: str, form: str, percent: int = 100, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """A dictConfig: every record goes through structlog to standard error.

    `percent` of the info lines are kept; `secrets` are values that no line may hold.
    """
    redaction = Redaction(secrets)
    shared = _shared(redaction)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(form), redaction.line]
    sampled = percent < 100  # a filter that lets all pass would still be asked for every line
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": processors,
            }
        },
        "filters": {"refusals": {"()": Refusals}}
        | ({"sampling": {"()": Sampling, "percent": percent}} if sampled else {}),
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["sampling"] if sampled else [],
            }
        },
        "root": {"handlers": ["stderr"], "level": level.upper()},
        # httpx says every request at INFO: a line per probe is noise, and its URL may carry what is private.
        "loggers": {name: {"level": "WARNING"} for name in ("httpx", "httpcore", "asyncio", "daphne")}
        | {"django.request": {"filters": ["refusals"]}},
    }


def _shared(redaction: Redaction) -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _without_colours,
        add_request_id,
        redaction.fields,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _without_colours(logger: Any, name: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """uvicorn says each of its messages a second time, for terminals."""
    line.pop("color_message", None)
    return line


def _renderers(form: str) -> list[Any]:
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
