"""The file's `receivers`: who is told of budgets and findings. One is known by its tenant and name."""

import os
from collections.abc import Iterable
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from msgspec import UNSET, Struct, UnsetType

from providers import audit
from providers.secrets import SecretUnreadable
from routing.configfile import schema
from routing.configfile.budgetpart import identity_of
from routing.configfile.changes import Changes
from routing.configfile.reading import nearest
from routing.configfile.schema import given
from tenants.alertrows import AlertReceiver
from tenants.budgets import Budget
from tenants.delivering import hook_of, keep_email, keep_hook
from tenants.models import ClientKey, Tenant, own
from tenants.webhooks import Hook, check_webhook

NO_PART: Final = ""  # no worker keeps them: nothing needs to become live
EMAIL, NONE = AlertReceiver.Kind.EMAIL, AlertReceiver.Findings.NONE
Identity = tuple[str | None, str]


class Address(Struct, frozen=True):
    """What the file says of where to; empty: nothing. Its `repr` shows no secret."""

    email: str = ""
    url: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return "Address()"


def put_receivers(changes: Changes, specs: list[schema.Receiver]) -> None:
    """Make or update every receiver of the file; tenants and budgets are there already."""
    if not specs or not changes.unique("receivers", (_named(spec.tenant, spec.name) for spec in specs)):
        return
    rows = {_identity(row): row for row in AlertReceiver.objects.select_related("tenant")}
    tenants = {row.name: row for row in Tenant.objects.filter(own())}
    for index, spec in enumerate(specs):
        path = f"receivers[{index}]"
        if spec.tenant is not None and spec.tenant not in tenants:
            changes.problem(f"{path}.tenant", f"there is no tenant {spec.tenant}{nearest(spec.tenant, tenants)}")
            continue
        tenant = tenants[spec.tenant] if spec.tenant is not None else None
        _put(changes, path, spec, rows.get((spec.tenant, spec.name)) or AlertReceiver(tenant=tenant, name=spec.name))


def exported_receivers(rows: Iterable[AlertReceiver]) -> list[dict[str, Any]]:
    """The receivers as the file has them: of webhooks neither address nor key."""
    return [_exported(row) for row in rows]


def exported_budget(row: Budget | None) -> dict[str, Any] | None:
    """Which budget, as the file names it."""
    if row is None:
        return None
    named = {"key": row.key.name if row.key else "", "tag": row.tag}
    return {"unit": row.unit, "period": row.period, **{name: value for name, value in named.items() if value}}


def _put(changes: Changes, path: str, spec: schema.Receiver, row: AlertReceiver) -> None:
    before = len(changes.problems)
    address = _address(changes, path, spec)
    budget = _budget(changes, path, spec, row.tenant)
    if len(changes.problems) > before:
        return
    if row.pk is None and address == Address():
        changes.warn(path, f"{_named(spec.tenant, spec.name)} is new, and no email or url_env is given: passed over")
        return
    _check(changes, path, spec, row, address)
    if len(changes.problems) > before:
        return
    label = f"receiver {_named(spec.tenant, spec.name)}"
    _move(changes, label, row, address)
    changes.put(NO_PART, row, label, _values(spec, budget))


def _address(changes: Changes, path: str, spec: schema.Receiver) -> Address:
    if not isinstance(spec.email, UnsetType) and not (isinstance(spec.url, UnsetType) and spec.url_env is UNSET):
        changes.problem(f"{path}.email", "give an email or a url, not both")
    url = _secret(changes, f"{path}.url", spec.url, spec.url_env)
    return Address(given(spec.email, ""), url, _secret(changes, f"{path}.key", spec.key, spec.key_env))


def _secret(changes: Changes, path: str, value: str | UnsetType, name: str | UnsetType) -> str:
    if isinstance(name, UnsetType):
        return given(value, "")
    if not isinstance(value, UnsetType):
        changes.problem(f"{path}_env", f"give either {path.rpartition('.')[2]} or {path.rpartition('.')[2]}_env")
    found = os.environ.get(name, "")
    if not found:
        changes.problem(f"{path}_env", f"the environment variable {name} is not set")
    return found


def _budget(changes: Changes, path: str, spec: schema.Receiver, tenant: Tenant | None) -> Budget | None | UnsetType:
    wanted = spec.budget
    if isinstance(wanted, UnsetType) or wanted is None:
        return wanted
    if tenant is None:
        changes.problem(f"{path}.budget", "name its tenant, too")
        return None
    keys = dict(ClientKey.objects.filter(tenant=tenant).values_list("name", "pk"))
    identity = (keys.get(wanted.key) if wanted.key else None, wanted.tag, wanted.unit, wanted.period)
    known = {identity_of(row): row for row in Budget.objects.filter(tenant=tenant).select_related("tenant", "key")}
    if identity not in known or (wanted.key and wanted.key not in keys):
        changes.problem(f"{path}.budget", f"{tenant} has no budget with this unit, period, key and tag")
        return None
    return known[identity]


def _check(changes: Changes, path: str, spec: schema.Receiver, row: AlertReceiver, address: Address) -> None:
    if address.email:
        try:
            validate_email(address.email)
        except ValidationError:
            changes.problem(f"{path}.email", "is no e-mail address, e.g. finance@example.com")
    becomes_mail = bool(address.email) or (row.kind == EMAIL and not address.url)
    private = given(spec.allow_private, row.allow_private)
    if becomes_mail and given(spec.allow_private, False):
        changes.problem(f"{path}.allow_private", "is for webhooks")
    if not becomes_mail and (address != Address() or not isinstance(spec.allow_private, UnsetType)):
        _check_hook(changes, path, _merged(row, address), private)
    if not given(spec.budget_alerts, row.budget_alerts) and given(spec.findings, row.findings) == NONE:
        changes.problem(path, "budget_alerts or findings: a receiver of neither is told nothing")


def _check_hook(changes: Changes, path: str, hook: Hook, private: bool) -> None:
    if not hook.key:
        changes.problem(path, "a webhook needs a key that signs: key_env or key")
    try:
        check_webhook(hook.url, private)
    except ValueError as exc:
        changes.problem(f"{path}.url", str(exc))


def _merged(row: AlertReceiver, address: Address) -> Hook:
    """What the file gives, and where it gives nothing what is stored."""
    try:
        old = hook_of(row)
    except SecretUnreadable:
        old = Hook("", "")
    return Hook(address.url or old.url, address.key or old.key)


def _move(changes: Changes, label: str, row: AlertReceiver, address: Address) -> None:
    """Keep the address on the row; of one that stands, say that it is another."""
    before = audit.state(row) if row.pk else None
    if address.email:
        same = row.kind == EMAIL and row.email == address.email
        words = [f"email {address.email}"]
    else:
        same = address == Address() or (row.pk is not None and _merged(row, address) == _merged(row, Address()))
        words = ["address or key replaced"]
    if same:
        return
    if address.email:
        keep_email(row, address.email)
    else:
        keep_hook(row, _merged(row, address))
    if before is not None:
        row.save()
        changes.note(NO_PART, row, label, words, before)


def _values(spec: schema.Receiver, budget: Budget | None | UnsetType) -> list[tuple[str, str, object]]:
    same = ("enabled", "allow_private", "budget_alerts", "findings")
    return [*((name, name, getattr(spec, name)) for name in same), ("budget", "budget", budget)]


def _exported(row: AlertReceiver) -> dict[str, Any]:
    usual, same = AlertReceiver(), ("enabled", "allow_private", "budget_alerts", "findings")
    return {
        "name": row.name,
        **({"tenant": row.tenant.name} if row.tenant else {}),
        **({"email": row.email} if row.kind == EMAIL else {}),
        **{name: str(value) if name == "findings" else value for name in same
           if (value := getattr(row, name)) != getattr(usual, name)},
        **({"budget": exported_budget(row.budget)} if row.budget else {}),
    }  # fmt: skip


def _identity(row: AlertReceiver) -> Identity:
    return row.tenant.name if row.tenant else None, row.name


def _named(tenant: str | None, name: str) -> str:
    return f"{tenant}/{name}" if tenant is not None else name
