"""How Google's servers read JSON: either spelling of a name, null as absent, and no name that they do not know."""

import base64
import binascii
import re
from typing import Any, Final

from providers.sandbox.replies import invalid

_AFTER_UNDERSCORE: Final = re.compile(r"_([a-z])")


def names(text: str) -> frozenset[str]:
    """The names in a list that is written as one text."""
    return frozenset(text.split())


def read(value: Any, known: frozenset[str], where: str) -> dict[str, Any]:
    """The fields of an object by their names in camelCase; raises `Trouble` for an unknown one."""
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{where}': an object is needed, not {type(value).__name__}.")
    found = {}
    for name, inner in value.items():
        camel = _AFTER_UNDERSCORE.sub(lambda match: match.group(1).upper(), name)
        if camel not in known:
            raise invalid(f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.")
        if inner is not None:
            found[camel] = inner
    return found


def listed(value: Any, where: str) -> list[Any]:
    """A list, empty where there is none; raises `Trouble` for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"Invalid value at '{where}': a list is needed, not {type(value).__name__}.")
    return value


def data(value: Any, where: str) -> bytes:
    """The bytes of a text in base64, of either alphabet, padded or not; raises `Trouble` for anything else."""
    plain = str(value).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed.") from None
