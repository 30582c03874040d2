"""Which base URLs may a provider have: http or https, no password in it, and no private address unless allowed."""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

GOOD: Final = "e.g. https://api.openai.com/v1"
METADATA_NAMES: Final = frozenset({"metadata", "metadata.google.internal", "instance-data"})
METADATA_ADDRESSES: Final = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_base_url(url: str, allow_private: bool) -> None:
    """Raise `ValueError`, saying what is wrong and what would be right, unless a provider may live at `url`.

    Names other than localhost are not resolved here: what a name means can change after the check.
    """
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".").lower()
    address = _address(host)
    if host in METADATA_NAMES or (address is not None and address in METADATA_ADDRESSES):
        raise ValueError(f"base_url: {host} is a cloud's metadata service, which is never a provider ({GOOD})")
    if not allow_private and _is_private(host, address):
        raise ValueError(
            f"base_url: {host} is a loopback, private or link-local address; set allow_private for a provider on your "
            f"own machine or network, or use a public address ({GOOD})"
        )


def _split(url: str) -> SplitResult:
    """Split `url`, with messages that never repeat what might be a password."""
    if url != url.strip() or any(ch.isspace() or not ch.isprintable() for ch in url):
        raise ValueError(f"base_url: contains a space or a control character ({GOOD})")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ValueError(f"base_url: not a URL ({GOOD})") from exc
    if parts.scheme not in ("http", "https"):
        raise ValueError(
            f"base_url: must start with https:// or http://, not {parts.scheme or 'without either'}: ({GOOD})"
        )
    if not parts.hostname or port == 0:
        raise ValueError(f"base_url: has no host or an impossible port ({GOOD})")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"base_url: must not carry a user name or password; enter a credential instead ({GOOD})")
    if parts.query or parts.fragment:
        raise ValueError(f"base_url: must end before any ? or # ({GOOD})")
    return parts


def _address(host: str) -> Address | None:
    """The IP address that `host` is, in any spelling that a resolver takes (127.1, 0x7f000001, ::ffff:10.0.0.1)."""
    try:
        address: Address = ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        return _loose_ipv4(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _loose_ipv4(host: str) -> Address | None:
    pieces = host.split(".")
    if not 1 <= len(pieces) <= 4:
        return None
    try:
        numbers = [_number(piece) for piece in pieces]
    except ValueError:
        return None
    *heads, last = numbers
    if any(head > 255 for head in heads) or last >= 256 ** (5 - len(numbers)):
        return None
    value = last
    for position, head in enumerate(heads):
        value += head << (24 - 8 * position)
    return ipaddress.IPv4Address(value)


def _number(text: str) -> int:
    """As inet_aton(3) reads a part: 0x is hexadecimal, a leading 0 octal."""
    if not text.isascii() or not text.isalnum():
        raise ValueError(text)
    if text.startswith("0x"):
        return int(text, 16)
    return int(text, 8) if len(text) > 1 and text.startswith("0") else int(text)


def _is_private(host: str, address: Address | None) -> bool:
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return not address.is_global or address.is_multicast
