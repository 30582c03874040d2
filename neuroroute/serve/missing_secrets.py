"""Which secrets does the environment not bring? They are made once, at random, and kept in VAR_DIR/secrets.env."""

import os
import secrets
from pathlib import Path
from typing import Final

SECRETS: Final = ("SECRET_KEY", "SECRETS_KEYS", "CLIENT_KEY_PEPPER")
HEADING: Final = """\
# Made on the first start. Whoever has this file can read the stored provider credentials: keep it, and keep it private.
# Without it the stored credentials are unreadable and the client keys are void. The environment and .env win over it.
"""


def make_missing(path: Path) -> list[str]:
    """Add what neither the environment nor the file holds yet; return the names of those made."""
    missing = [name for name in SECRETS if not os.environ.get(name, "").strip()]
    if not missing:
        return []
    before = path.read_text() if path.exists() else HEADING
    lines = "".join(f"{name}={secrets.token_urlsafe(48)}\n" for name in missing)
    write_private(path, before + lines)
    return missing


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner alone."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
