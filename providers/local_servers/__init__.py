"""Servers on one's own hardware: what they have in memory, and how it gets in and out. One file each, by discovery."""

from functools import cache

from neuroroute.plugins import discover
from providers.local_servers.asking import Asking
from providers.local_servers.base import LocalServer


@cache
def local_servers() -> dict[str, LocalServer]:
    """Every kind of server, one instance each, by name."""
    return {cls.name: cls() for cls in discover("providers.local_servers", LocalServer).values()}


def recognised(asking: Asking, wire: str) -> LocalServer | None:
    """Which of them answers there; None: another one, or nobody. Raises nothing."""
    return next((kind for kind in local_servers().values() if kind.wire == wire and kind.is_there(asking)), None)
