"""The file's `budgets` of a tenant. A budget is known by what it counts: its unit, its period, its key and its tag."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import UNSET, UnsetType

from providers.revisions import TENANTS
from routing.configfile import schema
from routing.configfile.changes import Changes
from routing.configfile.reading import nearest
from tenants.budgets import RAISE, TOKENS, USD
from tenants.models import Budget, ClientKey, Tenant

Identity = tuple[int | None, str, str, str]  # key, tag, unit, period


def put_budgets(changes: Changes, path: str, tenant: Tenant, specs: list[schema.Budget], policies: set[str]) -> None:
    """Make or update the budgets of one tenant; its keys are there already."""
    rows = {identity_of(row): row for row in Budget.objects.filter(tenant=tenant).select_related("tenant", "key")}
    keys = {row.name: row for row in ClientKey.objects.filter(tenant=tenant)}
    seen: set[Identity] = set()
    for index, spec in enumerate(specs):
        place = f"{path}.budgets[{index}]"
        if _is_wrong(changes, place, spec, keys, policies):
            continue
        key = keys[spec.key] if spec.key else None
        identity = (key.pk if key else None, spec.tag, USD if spec.usd is not None else TOKENS, spec.period)
        if identity in seen:
            changes.problem(place, "another budget of the tenant counts the same: unit, period, key and tag")
        seen.add(identity)
        row = rows.get(identity) or Budget(tenant=tenant, key=key, tag=spec.tag, period=spec.period)
        label = f"budget of {tenant.name}, {spec.period}" + "".join(f", {w}" for w in (spec.key, spec.tag) if w)
        values = _values(spec)
        if row.pk and _frees(row, values):
            changes.require(RAISE)
        changes.put(TENANTS, row, label, values)


def exported_budgets(rows: Iterable[Budget]) -> list[dict[str, Any]]:
    """The budgets as the file has them."""
    return [_exported(row) for row in rows]


def identity_of(row: Budget) -> Identity:
    return row.key_id, row.tag, row.unit, row.period


def _is_wrong(
    changes: Changes, place: str, spec: schema.Budget, keys: dict[str, ClientKey], policies: set[str]
) -> bool:
    before = len(changes.problems)
    if (spec.usd is None) == (spec.tokens is None):
        changes.problem(place, "give one limit, usd or tokens")
    if spec.key and spec.key not in keys:
        changes.problem(f"{place}.key", f"the tenant has no key {spec.key}{nearest(spec.key, keys)}")
    low = spec.low
    if not isinstance(low, UnsetType) and low is not None and low.policy not in policies:
        changes.problem(f"{place}.low.policy", f"no policy is called {low.policy}{nearest(low.policy, policies)}")
    return len(changes.problems) > before


def _frees(row: Budget, values: list[tuple[str, str, object]]) -> bool:
    """Whether what is given changes something that only who may raise a budget changes."""
    fixed = row.fixed_without_raise
    return any(getattr(row, column) != value for _, column, value in values if column in fixed and value is not UNSET)


def _values(spec: schema.Budget) -> list[tuple[str, str, object]]:
    low = spec.low
    percent: object = UNSET if isinstance(low, UnsetType) else low.percent if low else None
    policy: object = UNSET if isinstance(low, UnsetType) else low.policy if low else ""
    hard: object = UNSET if isinstance(spec.hard, UnsetType) else "hard" if spec.hard else "soft"
    return [
        ("usd", "limit_usd", UNSET if spec.usd is None else Decimal(str(spec.usd))),
        ("tokens", "limit_tokens", UNSET if spec.tokens is None else spec.tokens),
        ("hard", "kind", hard),
        ("alerts", "alerts", spec.alerts),
        ("low.percent", "low_percent", percent),
        ("low.policy", "low_policy", policy),
        ("unpriced", "unpriced", spec.unpriced),
    ]


def limit_of(row: Budget) -> dict[str, Any]:
    """The one limit of a budget, as the file has it."""
    if row.limit_usd is None:
        return {"tokens": row.limit_tokens}
    return {"usd": int(row.limit_usd) if row.limit_usd == int(row.limit_usd) else float(row.limit_usd)}


def _exported(row: Budget) -> dict[str, Any]:
    usual = Budget()
    return {
        **limit_of(row),
        "period": row.period,
        **({} if row.hard else {"hard": False}),
        **({"key": row.key.name} if row.key else {}),
        **({"tag": row.tag} if row.tag else {}),
        **({"alerts": row.alerts} if row.alerts != usual.alerts else {}),
        **({"low": {"percent": row.low_percent, "policy": row.low_policy}} if row.low_policy else {}),
        **({"unpriced": row.unpriced} if row.unpriced != usual.unpriced else {}),
    }
