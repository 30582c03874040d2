"""What is said to those who are not let in? One finished answer per address of the data plane: refusing must be cheap.

It has no request id, because it is nobody's record. Other addresses (health, metrics, pages) are never refused.
"""

from typing import Final

import neuroroute.asgi  # noqa: F401  it sets Django up, which the others need
from routing.api.errors import error_headers, told
from routing.api.urls import LEAN
from routing.errors import GatewayBusy
from routing.surfaces import surface_for

BUSY: Final = GatewayBusy("the gateway has more to do than it can; try again in a moment", retry_after_s=1.0)


def refusals() -> dict[bytes, bytes]:
    """The whole answer, head and body, by the address."""
    return {path.encode(): _refusal(path) for path in LEAN}


def _refusal(path: str) -> bytes:
    body = surface_for(path).error(told(BUSY))
    headers = [(name, value) for name, value in error_headers(BUSY, "") if not name.endswith(b"request-id")]
    lines = [b"HTTP/1.1 503 Service Unavailable", *(b"%s: %s" % header for header in headers)]
    return b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", body])
