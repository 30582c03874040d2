"""How does a request begin? Its line and its headers (RFC 9112), made once per URL as far as they stay the same."""

from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

URLS: Final = 4096  # one per deployment and operation
PATH: Final = "/:@!$&'()*+,;=~%"  # what stays as it is in a path (RFC 3986, 3.3), what is quoted already included
RESERVED: Final = frozenset(  # ours to say, nobody else's: how a request is framed, and how its answer
    {"accept-encoding", "connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)

Headers = tuple[tuple[str, str], ...]  # lower-case names


class Origin(NamedTuple):
    """Where a connection goes."""

    tls: bool
    host: str  # ASCII
    port: int

    @property
    def name(self) -> str:
        """What a certificate calls the host: without the zone of an address, and without the dot that ends a name."""
        return self.host.partition("%")[0].rstrip(".")


class Place(NamedTuple):
    """What a URL says of a request."""

    origin: Origin
    line: str
    own: tuple[tuple[str, str], ...]  # the headers that we send unless told otherwise
    usual: str  # the line and those


def head(where: Place, headers: Headers, length: int) -> bytes:
    """A POST's head, for a body of `length` bytes; raises `ValueError` where a header has a line break in it."""
    names = [name for name, _ in headers]
    given = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if given.count("\r") != len(names) or given.count("\n") != len(names):
        raise ValueError("a header has a line break in it")
    begin = where.usual
    if not _OURS.isdisjoint(names):
        theirs = {name: value for name, value in headers if name not in RESERVED}
        given = _lines(tuple(theirs.items()))
        begin = where.line + _lines(tuple((name, value) for name, value in where.own if name not in theirs))
    return f"{begin}{given}content-length: {length}\r\n\r\n".encode()


@lru_cache(URLS)
def place(url: str) -> Place:
    """Raises `ValueError` (a host that is no name)."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna" if not url.isascii() else "ascii").decode()
    tls = parts.scheme == "https"
    shown = f"[{host.partition('%')[0]}]" if ":" in host else host  # a link-local address' zone is our machine's
    if parts.port is not None:
        shown += f":{parts.port}"
    target = quote(parts.path or "/", PATH) + (f"?{quote(parts.query, PATH + '?')}" if parts.query else "")
    line = f"POST {target} HTTP/1.1\r\n"
    own = (("host", shown), *_ALWAYS)
    return Place(Origin(tls, host, parts.port or (443 if tls else 80)), line, own, line + _lines(own))


def _lines(headers: Headers) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


_ALWAYS: Final = (("accept", "*/*"), ("accept-encoding", "identity"), ("user-agent", "NeuroRoute"))
_OURS: Final = RESERVED | {"host"} | {name for name, _ in _ALWAYS}
