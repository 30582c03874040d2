"""How is a message posted to somebody's webhook? Signed, bounded, to no address of ours, and followed nowhere."""

import hmac
import ipaddress
import socket
from datetime import datetime
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import httpx
import msgspec
from msgspec import Struct

from providers.addresses import check_base_url

TIMEOUT_S: Final = 10.0
SIGNATURE: Final = "x-neuroroute-signature"
GOOD: Final = "e.g. https://hooks.example.com/budgets"


class Undelivered(Exception):
    """The message was not taken; the text says why, without the address. `permanent`: nor will it be later."""

    def __init__(self, why: str, permanent: bool = False) -> None:
        super().__init__(why)
        self.permanent = permanent


class Hook(Struct, frozen=True):
    """Where to, and the key that signs; both are secrets."""

    url: str
    key: str


def check_webhook(url: str, allow_private: bool) -> None:
    """Raise `ValueError` unless a webhook may live there. Unlike a provider's, its URL may have a query."""
    parts = urlsplit(url)
    if parts.fragment:
        raise ValueError(f"must end before any # ({GOOD})")
    try:
        check_base_url(parts._replace(query="").geturl(), allow_private)
    except ValueError as exc:
        raise ValueError(str(exc).removeprefix("base_url: ").partition(" (e.g.")[0] + f" ({GOOD})") from exc
    if parts.scheme != "https" and not allow_private:
        raise ValueError(f"must start with https:// unless it may be on a private address ({GOOD})")


def post(hook: Hook, message: Any, allow_private: bool, now: datetime) -> str:
    """Deliver, and say what was answered; raises `Undelivered`.

    The name is looked up once, what it means is checked, and that very address is called: a name that means another
    one a moment later leads nowhere.
    """
    body, parts = msgspec.json.encode(message), urlsplit(hook.url)
    try:
        check_webhook(hook.url, allow_private)
        address = _address(parts, allow_private)
    except ValueError as exc:
        raise Undelivered(str(exc)) from exc
    host = f"[{address}]" if ":" in address else address
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    headers = {
        "host": parts.netloc, "content-type": "application/json", "user-agent": "NeuroRoute",
        SIGNATURE: signature(hook.key, body, int(now.timestamp())),
    }  # fmt: skip
    extensions = {"sni_hostname": parts.hostname or ""}
    try:
        with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            url = parts._replace(netloc=netloc).geturl()
            with client.stream("POST", url, content=body, headers=headers, extensions=extensions) as answer:
                status = answer.status_code
    except httpx.HTTPError as exc:
        raise Undelivered(f"no answer ({type(exc).__name__})") from exc
    if not 200 <= status < 300:
        raise Undelivered(f"HTTP {status}")
    return f"HTTP {status}"


def signature(key: str, body: bytes, at: int) -> str:
    """`t=<seconds since the epoch>,v1=<HMAC-SHA256 of "t.body", hex>`: a receiver refuses what is old or another's."""
    return f"t={at},v1={hmac.digest(key.encode(), f'{at}.'.encode() + body, 'sha256').hex()}"


def _address(parts: SplitResult, allow_private: bool) -> str:
    """What the host means now; raises `ValueError` where any of it may not be called."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise ValueError("its name is not known") from exc
    addresses = [str(info[4][0]) for info in found]
    for address in addresses:
        spelled = f"[{address}]" if ":" in address else address
        check_base_url(f"http://{spelled}", allow_private)
        if not allow_private and not ipaddress.ip_address(address.partition("%")[0]).is_global:
            raise ValueError("its name leads to a private address")
    return addresses[0]
