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


def barred(verbs: Iterable[Verb]) -> tuple[str, ...]:
    """Why some of these buttons are off, each reason once, after the buttons that it is of: `Load, Pin: ...`."""
    labels: dict[str, list[str]] = {}
    for verb in verbs:
        if verb.why and verb.label not in labels.setdefault(verb.why, []):
            labels[verb.why].append(verb.label)
    return tuple(f"{', '.join(named)}: {why}" for why, named in labels.items())
