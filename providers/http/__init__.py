"""How do bytes reach an upstream and come back? The data plane's HTTP/1.1 client (docs/adr/0011-own-http-client.md).

`async with Exchange(...) as reply` is one POST. Redirects are refused, TLS is always verified, nothing is decompressed
(we ask for `identity`, so nothing can explode), and nothing is retried but a call that a dead connection has not
carried. What goes wrong is a `ProviderError`.
"""

from providers.http.exchange import Exchange, Reply
from providers.http.pool import close

__all__ = ["Exchange", "Reply", "close"]
