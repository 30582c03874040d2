"""The `credential` and `credential_env` of a provider: together they are its whole pool of keys."""

import os
from typing import Final

from msgspec import Struct, UnsetType

from providers import audit
from providers.models import Credential, Provider
from providers.revisions import CATALOG
from providers.secrets import last_four, opens_to, seal
from routing.configfile import schema
from routing.configfile.changes import Changes

FIRST: Final = "default"


class Wanted(Struct, frozen=True):
    """A credential as the file gives it; its `repr` shows no secret."""

    name: str
    secret: str

    def __repr__(self) -> str:
        return f"Wanted({self.name})"


def put_credentials(
    changes: Changes, path: str, spec: schema.Provider, provider: Provider, rows: dict[str, Credential]
) -> None:
    """Make the pool what the file says: others of this provider are disabled, none is deleted.

    A file that gives neither field leaves the pool alone.
    """
    if isinstance(spec.credential, UnsetType) and isinstance(spec.credential_env, UnsetType):
        return
    before = len(changes.problems)
    pool = [*_literal(changes, path, spec), *_from_environment(changes, path, spec)]
    if len(changes.problems) > before:
        return
    for wanted in pool:
        _put(changes, provider, wanted, rows.get(wanted.name))
    for name in rows.keys() - {wanted.name for wanted in pool}:
        changes.put(CATALOG, rows[name], f"credential {provider.name}/{name}", [("enabled", "enabled", False)])


def _literal(changes: Changes, path: str, spec: schema.Provider) -> list[Wanted]:
    secrets = _listed(spec.credential)
    found = []
    for index, secret in enumerate(secrets):
        where = f"{path}.credential[{index}]"
        if _is_presentable(changes, where, secret):
            found.append(Wanted(FIRST if index == 0 else f"{FIRST}-{index + 1}", secret))
    return found


def _from_environment(changes: Changes, path: str, spec: schema.Provider) -> list[Wanted]:
    found = []
    for index, name in enumerate(dict.fromkeys(_listed(spec.credential_env))):
        where, secret = f"{path}.credential_env[{index}]", os.environ.get(name, "")
        if not secret:
            changes.problem(where, f"the environment variable {name} is not set")
        elif _is_presentable(changes, where, secret):
            found.append(Wanted(name, secret))
    return found


def _listed(value: str | list[str] | UnsetType) -> list[str]:
    if isinstance(value, UnsetType):
        return []
    return [value] if isinstance(value, str) else value


def _is_presentable(changes: Changes, where: str, secret: str) -> bool:
    """Whether the secret can stand in a header; what it is is never said."""
    if all("!" <= ch <= "~" for ch in secret):
        return True
    changes.problem(where, "a credential has printable ASCII characters only, and no space or line break")
    return False


def _put(changes: Changes, provider: Provider, wanted: Wanted, row: Credential | None) -> None:
    label = f"credential {provider.name}/{wanted.name}"
    before = audit.state(row) if row else None
    if row is not None and opens_to(row.ciphertext, wanted.secret):
        changes.put(CATALOG, row, label, [("enabled", "enabled", True), ("end", "expires_at", None)])
        return
    row = row or Credential(provider=provider, name=wanted.name)
    row.ciphertext, row.last_four, row.enabled = seal(wanted.secret), last_four(wanted.secret), True
    row.expires_at = None
    row.save()
    changes.note(CATALOG, row, label, ["replaced"] if before else [], before)
