"""The `keys` of a tenant: made on the first apply, or brought; never changed by a later one that says the same."""

import os
from typing import Any

from msgspec import UNSET, UnsetType

from providers import audit
from providers.revisions import TENANTS
from routing.configfile import schema
from routing.configfile.changes import Changes
from routing.configfile.schema import given
from routing.configfile.scopepart import ScopeCheck, columns_of, scope_of_key
from tenants.callers import LIMITS, Limits
from tenants.keys import digest, prefix_of, prepare
from tenants.models import ClientKey, Tenant
from tenants.sight import Sight

ROTATE = "tenants.rotate_key"


class KeyMaker:
    """Makes and updates client keys; new rows are written together by `save`.

    `owner` is the person whose they are to be, None: nobody's; without it that stays, and a new one is nobody's.
    Keys of tenants out of `sight` are named to nobody.
    """

    def __init__(self, changes: Changes, owner: Any = UNSET, sight: Sight = None) -> None:
        self._changes, self._owner, self._scopes = changes, owner, ScopeCheck(changes)
        rows = ClientKey.objects.select_related("tenant")
        self._rows = {(row.tenant_id, row.name): row for row in rows}
        known = {row: sight is None or row.tenant_id in sight for row in self._rows.values()}
        self._owners = {row.digest: f"the key {row}" if seen else "somebody's key" for row, seen in known.items()}
        self._new: list[tuple[ClientKey, str | None]] = []  # with the key, where it was made here

    def put_keys(self, path: str, tenant: Tenant, specs: list[schema.Key]) -> None:
        """Make or update the keys of one tenant."""
        if not self._changes.unique(f"{path}.keys", (spec.name for spec in specs)):
            return
        for index, spec in enumerate(specs):
            self._put(f"{path}.keys[{index}]", tenant, spec)

    def save(self) -> None:
        """Write the new rows, and hand out the keys that were made."""
        ClientKey.objects.bulk_create([row for row, _ in self._new])
        for row, made in self._new:
            self._changes.note(TENANTS, row, f"client key {row}", [] if made else ["brought"], None)
            if made:
                self._changes.keys.append((str(row), made))

    def _put(self, path: str, tenant: Tenant, spec: schema.Key) -> None:
        row = self._rows.get((tenant.pk, spec.name))
        if row is not None and row.revoked_at is not None:
            self._changes.warn(path, f"client key {row} is revoked for good; give a new one another name")
            return
        if row is not None and row.lent_to_id is not None:
            self._changes.problem(path, f"{row} is a key that the playground lends to a person; choose another name")
            return
        before = len(self._changes.problems)
        self._scopes.check(path, spec.allow)
        value = self._brought(path, spec)
        if len(self._changes.problems) > before:
            return
        if row is None:
            self._make(path, tenant, spec, value)
        else:
            self._update(path, row, spec, value)

    def _brought(self, path: str, spec: schema.Key) -> str | None:
        """One's own key, from the environment or the file; None when one is to be made."""
        if isinstance(spec.value_env, UnsetType):
            return given(spec.value, None)
        if not isinstance(spec.value, UnsetType):
            self._changes.problem(f"{path}.value_env", "give either value or value_env")
        value = os.environ.get(spec.value_env)
        if not value:
            self._changes.problem(f"{path}.value_env", f"the environment variable {spec.value_env} is not set")
        return value

    def _make(self, path: str, tenant: Tenant, spec: schema.Key, value: str | None) -> None:
        row = self._prepared(path, tenant, spec, value)
        if row is None or not self._is_free(path, spec, row[0]):
            return
        key, plain = row
        if key.operator:
            self._changes.require_operator_key()
        self._owners[key.digest] = f"the key {key}"
        self._new.append((key, plain if value is None else None))

    def _update(self, path: str, row: ClientKey, spec: schema.Key, value: str | None) -> None:
        label = f"client key {row}"
        revived = row.operator and given(spec.expires_at, row.expires_at) != row.expires_at
        if revived or (given(spec.operator, False) and not row.operator):
            self._changes.require_operator_key()
        if value is not None and digest(value) != row.digest:
            self._replace(path, row, spec, value)
        values: list[tuple[str, str, Any]] = [("operator", "operator", spec.operator)]
        values += [("expires_at", "expires_at", spec.expires_at), ("owner", "owner", self._owner)]
        self._changes.put(TENANTS, row, label, values + limits_of(spec.limits) + columns_of(spec.allow))

    def _replace(self, path: str, row: ClientKey, spec: schema.Key, value: str) -> None:
        self._changes.require(ROTATE)
        if row.operator:
            self._changes.require_operator_key()
        new = self._prepared(path, row.tenant, spec, value)
        if new is None or not self._is_free(path, spec, new[0]):
            return
        before = audit.state(row)
        row.digest, row.prefix = digest(value), prefix_of(value)
        row.save(update_fields=["digest", "prefix"])
        self._owners[row.digest] = f"the key {row}"
        self._changes.note(TENANTS, row, f"client key {row}", ["replaced"], before)

    def _prepared(self, path: str, tenant: Tenant, spec: schema.Key, value: str | None) -> tuple[ClientKey, str] | None:
        try:
            return prepare(
                tenant,
                spec.name,
                operator=given(spec.operator, False),
                expires_at=given(spec.expires_at, None),
                value=value,
                limits=Limits(*(given(getattr(spec.limits, name), None) for name in LIMITS)),
                scope=scope_of_key(spec.allow),
                owner=given(self._owner, None),
            )
        except ValueError as exc:
            self._changes.problem(_source(path, spec), str(exc))
        return None

    def _is_free(self, path: str, spec: schema.Key, key: ClientKey) -> bool:
        owner = self._owners.get(key.digest)
        if owner is None:
            return True
        self._changes.problem(_source(path, spec), f"this value is already {owner}")
        return False


def limits_of(spec: schema.Limits) -> list[tuple[str, str, object]]:
    """The limits that a tenant or a key of the file has, as `Changes.put` takes them."""
    return [(f"limits.{name}", name, getattr(spec, name)) for name in LIMITS]


def _source(path: str, spec: schema.Key) -> str:
    return f"{path}.value" if spec.value_env is UNSET else f"{path}.value_env"
