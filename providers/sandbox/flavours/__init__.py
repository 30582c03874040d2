"""One file per kind of OpenAI-compatible server that the sandbox plays, found by discovery."""

from neuroroute.plugins import discover
from providers.sandbox.flavours.base import Flavour
from providers.sandbox.wires import wire
from providers.sandbox.wires.base import Wire
from providers.sandbox.wires.openai import OpenAI


def played(wire_name: str, flavour: str | None = None) -> Wire:
    """The wire as its vendor speaks it, or in that flavour; raises `KeyError`, and `ValueError` on another wire."""
    if flavour is None:
        return wire(wire_name)
    if wire_name != OpenAI.name:
        raise ValueError(f"only the wire {OpenAI.name!r} has flavours, not {wire_name!r}")
    return discover("providers.sandbox.flavours", Flavour)[flavour]()


def flavour_names() -> list[str]:
    return sorted(discover("providers.sandbox.flavours", Flavour))
