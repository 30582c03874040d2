"""How does a price list get here? By HTTPS, bounded in bytes and time; nothing is followed and nothing retried."""

import time
from typing import Final
from urllib.parse import urlsplit

import httpx

TIMEOUT_S: Final = 30.0
BYTES_LIMIT: Final = 32 * 1024 * 1024  # LiteLLM's list has 1.6 MB, models.dev's a little more
HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})  # a mirror on this machine needs no TLS


class Unreadable(Exception):
    """The list did not arrive, or not whole."""


def fetch(url: str, timeout_s: float = TIMEOUT_S, bytes_limit: int = BYTES_LIMIT) -> bytes:
    """GET `url`; raises `Unreadable` with what is wrong."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in HERE):
        raise Unreadable(f"{url}: a price list is read by https alone")
    deadline = time.monotonic() + timeout_s
    try:
        with (
            httpx.Client(timeout=timeout_s, follow_redirects=False) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                raise Unreadable(f"{url}: HTTP {response.status_code}")
            return _body(response, url, deadline, bytes_limit)
    except httpx.HTTPError as exc:
        raise Unreadable(f"{url}: {type(exc).__name__}: {exc}") from exc


def _body(response: httpx.Response, url: str, deadline: float, bytes_limit: int) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > bytes_limit:
            raise Unreadable(f"{url}: longer than {bytes_limit:,} bytes")
        if time.monotonic() > deadline:
            raise Unreadable(f"{url}: not complete in time")
    return bytes(body)
