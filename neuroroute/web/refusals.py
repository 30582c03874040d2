"""What is said to those who are not let in? One finished answer per address of the data plane: refusing must be cheap.

It has no request id, because it is nobody's record. Other addresses (health, metrics, pages) are never refused.
"""

import re
from typing import Final

import neuroroute.asgi  # noqa: F401  it sets Django up, which the others need
from routing.api.errors import error_headers, told
from routing.api.urls import LEAN
from routing.errors import GatewayBusy
from routing.surfaces import surface_for

BUSY: Final = GatewayBusy("the gateway has more to do than it can; try again in a moment", retry_after_s=1.0)

# header fields that say where a request ends and what becomes of its connection
_BEARING: Final = re.compile(
    rb"\r\n(?=[cteu])"  # what else begins is no such field: four times as fast
    rb"(?:content-length:[ \t]*(\d+)[ \t]*\r"
    rb"|(?:transfer-encoding|expect|upgrade):"
    rb"|connection:(?![ \t]*keep-alive\r))",
    re.IGNORECASE,
)


def head_of_whole(data: bytes) -> bytes:
    """The head of exactly one POST that came in one piece and leaves its connection open; empty for all else, which
    is the parser's business. Only who is refused is read so, and this is half of what parsing costs."""
    end = data.find(b"\r\n\r\n")
    if end < 0 or not data.startswith(b"POST "):
        return b""
    fields = _BEARING.findall(data, 0, end + 2)
    if len(fields) != 1 or not fields[0] or int(fields[0]) != len(data) - end - 4:
        return b""
    return data[: end + 4] if data.startswith(b" HTTP/1.1", data.index(b"\r") - 9) else b""


def path_of(head: bytes) -> bytes:
    """The address in a head of `head_of_whole`, query included; empty for an empty one."""
    return head[5 : head.find(b" ", 5)]


def refusals() -> dict[bytes, bytes]:
    """The whole answer, head and body, by the address."""
    return {path.encode(): _refusal(path) for path in LEAN}


def _refusal(path: str) -> bytes:
    body = surface_for(path).error(told(BUSY))
    headers = [(name, value) for name, value in error_headers(BUSY, "") if not name.endswith(b"request-id")]
    lines = [b"HTTP/1.1 503 Service Unavailable", *(b"%s: %s" % header for header in headers)]
    return b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", body])
