"""What is a button of a row? Shown to everybody; where it may not be pressed, with the reason."""

from collections.abc import Iterable

from msgspec import Struct


class Verb(Struct, frozen=True):
    """A button. `address` is empty where `why` says what stands in the way; `leaves`: it is a page of the admin."""

    label: str
    address: str
    why: str = ""
    danger: bool = False
    leaves: bool = False


def offered(label: str, address: str, why: str = "", *, danger: bool = False, leaves: bool = False) -> Verb:
    """A button that leads to `address`, or is off because of `why`."""
    return Verb(label, "" if why else address, why, danger, leaves)


class Barred(Struct, frozen=True):
    """Buttons that are off for the same reason: `Load`, `Load and Pin`."""

    labels: str
    several: bool
    why: str


def barred(verbs: Iterable[Verb]) -> tuple[Barred, ...]:
    """Why some of these buttons are off, each reason once, with its buttons."""
    labels: dict[str, list[str]] = {}
    for verb in verbs:
        if verb.why and verb.label not in labels.setdefault(verb.why, []):
            labels[verb.why].append(verb.label)
    return tuple(Barred(_together(named), len(named) > 1, why) for why, named in labels.items())


def _together(labels: list[str]) -> str:
    """`Load`, `Load and Pin`, `Load, Pin and Unload`."""
    *first, last = labels
    return f"{', '.join(first)} and {last}" if first else last
