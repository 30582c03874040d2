"""How is JSON read that is almost JSON? Invalid UTF-8, lone surrogates and raw control characters become U+FFFD or
stay what they mean; anything worse is a bad response."""

import json
from typing import Any, Final

import msgspec

from providers.errors import BadUpstreamResponse

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def loads(data: bytes) -> Any:
    """Decode `data`; raises `BadUpstreamResponse`, which never quotes it."""
    try:
        return msgspec.json.decode(data)
    except MALFORMED:
        pass
    try:
        return _cleaned(json.loads(data.decode("utf-8", "replace"), strict=False, parse_constant=_no_number))
    except (ValueError, RecursionError):
        raise BadUpstreamResponse(f"the answer is not JSON ({_shape(data)})") from None


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        # A round trip through UTF-16 joins surrogate pairs and shows the lone ones.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(item) for name, item in value.items()}
    return value


def _no_number(name: str) -> None:
    raise ValueError(name)


def _shape(data: bytes) -> str:
    """What kind of thing came, without a word of it."""
    if not data.strip():
        return "empty"
    return f"{len(data)} bytes of HTML" if data.lstrip().startswith(b"<") else f"{len(data)} bytes"


def text(payload: bytes) -> bytes:
    """The same bytes, known to be UTF-8 throughout; raises `UnicodeDecodeError`. Typed decoding skips unknown fields
    without looking at their bytes, which would then pass to the client."""
    if not payload.isascii():
        payload.decode()
    return payload
