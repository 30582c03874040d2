"""How is a body read, and what is said of one that cannot be?"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from routing.errors import InvalidBody

T = TypeVar("T")

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # the last: nested too deep
COMPRESSED: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\x78\x01": "deflate", b"\x78\x9c": "deflate"}


def decode_body(decode: Callable[[bytes], T], raw: bytes) -> T:
    """What `decode` finds in a body; raises `InvalidBody`, which names the field where one is to blame."""
    try:
        return decode(raw)
    except msgspec.ValidationError as exc:
        raise named(exc) from exc
    except UNREADABLE as exc:
        raise InvalidBody(f"the body is not valid JSON: {_compression(raw) or exc}") from exc


def named(exc: msgspec.ValidationError) -> InvalidBody:
    """msgspec says "Expected `str`, got `int` - at `$.messages[0].role`": name the field first, as our errors do."""
    what, _, where = str(exc).partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    if not field and "`" in what:
        missing = what.split("`")[1]
        field = missing if "missing required field" in what else ""
    return InvalidBody(f"{field}: {what}" if field else what, param=field or None)


def _compression(raw: bytes) -> str:
    """What to do about a body that begins as no JSON does and as compressed ones do; empty where it does not."""
    how = next((name for magic, name in COMPRESSED.items() if raw.startswith(magic)), "")
    return how and f"it is compressed ({how}); send it as it is, without Content-Encoding"
