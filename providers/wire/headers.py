"""Which headers does a request carry? Ours, and the operator's extra ones, which win."""

from typing import Final

from providers.targets import Target

JSON: Final = (("content-type", "application/json"),)


def wire_headers(auth: tuple[tuple[str, str], ...], target: Target) -> tuple[tuple[str, str], ...]:
    """Every header of one request, each name once."""
    if not target.headers:
        return JSON + auth
    extra = {name.lower(): value for name, value in target.headers}
    return tuple(({name: value for name, value in JSON + auth} | extra).items())
