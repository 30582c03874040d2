"""What is an answer of the data plane, once it is whole?"""

from msgspec import Struct


class Finished(Struct, frozen=True):
    """An answer as `LeanHandler` sends it: Django's `HttpResponse` would convert every header twice, for 60 us."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
