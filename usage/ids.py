"""How do record ids and instants map onto each other? Ids are UUIDv7: the first 48 bits are UTC milliseconds.

A request's instant is the one in its id, everywhere: a range over ids and one over buckets name the same requests.
"""

import re
from typing import Final
from uuid import UUID

WIRE_PREFIX: Final = "req_"
ATTEMPT_PREFIX: Final = "att_"
_TIME_SHIFT: Final = 80
_DIGITS: Final = 32
_FEWEST: Final = 8  # digits of a start: about a minute of requests
_START: Final = re.compile(rf"(?:{WIRE_PREFIX})?([0-9a-f]{{{_FEWEST},{_DIGITS}}})", re.IGNORECASE)
_INDEX_BITS: Final = 0xFFFF


def first_id(instant_ms: int) -> UUID:
    """The smallest id of this millisecond (UTC since the epoch): a period is [first_id(start), first_id(end))."""
    return UUID(int=instant_ms << _TIME_SHIFT)


def instant_ms(request_id: str) -> int:
    """The milliseconds in an id of 32 hex digits."""
    return int(request_id[:12], 16)


def attempt_id(request_id: str, index: int) -> str:
    """The id of an attempt, as 32 hex digits: made from its request's, so that the same attempt always has the same.

    Only the last 16 bits differ; UUIDv7 fills the last 32 at random, so neighbours do not meet.
    """
    tail = int(request_id[-4:], 16) ^ (index + 1)
    return f"{request_id[:-4]}{tail & _INDEX_BITS:04x}"


def attempt_name(request_id: str, index: int) -> str:
    """An attempt's id as people see it."""
    return ATTEMPT_PREFIX + attempt_id(request_id, index)


def attempt_bounds(request_id: UUID) -> tuple[UUID, UUID]:
    """The first and last id, inclusive, that an attempt of this request can have."""
    return UUID(int=request_id.int & ~_INDEX_BITS), UUID(int=request_id.int | _INDEX_BITS)


def parse(text: str) -> UUID | None:
    """Read an id as people paste it: `req_<hex>`, hex, or with dashes; None when it is none of these."""
    try:
        return UUID(text.strip().removeprefix(WIRE_PREFIX))
    except ValueError:
        return None


def begun(text: str) -> tuple[UUID, UUID] | None:
    """The first and last id, inclusive, that begin so, as people paste it; None for text that begins none."""
    found = _START.fullmatch(text.strip().replace("-", ""))
    return (UUID(found[1].ljust(_DIGITS, "0")), UUID(found[1].ljust(_DIGITS, "f"))) if found else None
