"""In which odd frames may a stream arrive and still say the same? Each is a change to the upstream's own bytes."""

import re
from collections.abc import Callable, Mapping

Framing = Callable[[bytes], bytes]


def _no_space(body: bytes) -> bytes:
    return re.sub(rb"^(data|event): ", rb"\1:", body, flags=re.MULTILINE)


def _between(what: bytes) -> Framing:
    return lambda body: what + body.replace(b"\n\n", b"\n\n" + what)


# What the standard of server-sent events allows, and servers do.
EVENT_STREAM: Mapping[str, Framing] = {
    "lines end with CRLF": lambda body: body.replace(b"\n", b"\r\n"),
    "lines end with CR": lambda body: body.replace(b"\n", b"\r"),
    "comments between events": _between(b": OPENROUTER PROCESSING\n\n"),
    "comments and ids within events": lambda body: re.sub(
        rb"^data:", b": ping\nid: 7\nretry: 10\ndata:", body, flags=re.M
    ),
    "no space after the colon": _no_space,
    "blank lines between events": _between(b"\n\n"),
    "no blank line at the end": lambda body: body.rstrip(b"\n"),
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
}
LINES: Mapping[str, Framing] = {
    "lines end with CRLF": lambda body: body.replace(b"\n", b"\r\n"),
    "blank lines between events": lambda body: body.replace(b"\n", b"\n\n"),
    "no blank line at the end": lambda body: body.rstrip(b"\n"),
}


def framings(content_type: str) -> Mapping[str, Framing]:
    """Those that the stream's format knows."""
    return EVENT_STREAM if content_type.startswith("text/event-stream") else LINES
