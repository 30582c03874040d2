"""Where does a journalled row go that cannot be shipped? Whole into `rejected/` below the spool, for a person to see.

What lies there has the form of a segment: once the cause is gone, moved up into the spool it is shipped like any other.
"""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import structlog

from usage import families, segments
from usage.rowlog import RowWriter
from usage.segments import Segment

DIRECTORY: Final = "rejected"

log = structlog.get_logger(__name__)


def set_row_aside(directory: Path, segment: str, body: bytes, reason: str) -> None:
    """Keep one row."""
    path = segments.path_of(_kept_in(directory), f"{segment}-rejected", 1)
    with closing(RowWriter(path)) as kept:
        kept.append(time.time(), body)
    families.set_aside.inc()
    log.error("journalled row set aside", file=path.name, reason=reason.strip())


def set_segment_aside(segment: Segment, reason: str) -> None:
    """Keep a whole segment that cannot be read."""
    kept = _kept_in(segment.path.parent)
    os.replace(segment.path, kept / segment.path.name)
    families.set_aside.inc()
    log.error("journal segment set aside", file=segment.path.name, reason=reason.strip())


def _kept_in(directory: Path) -> Path:
    kept = directory / DIRECTORY
    kept.mkdir(exist_ok=True)
    return kept
