"""One file per wire format that the sandbox speaks, found by discovery."""

from neuroroute.plugins import discover
from providers.sandbox.wires.base import Wire


def wire(name: str) -> Wire:
    """The wire of that name; raises `KeyError`."""
    return discover("providers.sandbox.wires", Wire)[name]()


def wire_names() -> list[str]:
    return sorted(discover("providers.sandbox.wires", Wire))
