"""Surfaces: one file per form that clients speak, found by discovery."""

from functools import cache

from neuroroute.plugins import discover
from routing.surfaces.base import Surface


@cache
def surfaces() -> dict[str, Surface]:
    """Every surface, one instance each, by name."""
    return {cls.name: cls() for cls in discover("routing.surfaces", Surface).values()}


@cache
def surface_at() -> dict[str, Surface]:
    """The surface that is spoken at an address."""
    return {path: surface for surface in surfaces().values() for path in surface.paths}


def surface_for(path: str) -> Surface:
    """Whose errors an address has: those of the surface that is spoken there or above it, else OpenAI's."""
    found = surface_at().get(path)
    above = (surface for root, surface in surface_at().items() if path.startswith(f"{root}/"))
    return found or next(above, surfaces()["chat"])
