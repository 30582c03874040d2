"""The file that receives the client keys that an apply makes: `tenant/key=value` lines, for its owner's eyes only."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_keys(path: Path, keys: Iterable[tuple[str, str]]) -> None:
    """Add the keys to the file, in the place of older ones of the same names; its mode becomes 0600.

    A new file takes the place of the old one whole, so that a full disk loses no key that stood there.
    """
    known = dict(_lines(path)) | dict(keys)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in known.items())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _lines(path: Path) -> Iterable[tuple[str, str]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name, value
