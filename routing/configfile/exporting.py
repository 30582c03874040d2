"""From the rows to a file that applies to them without a change: everything but secrets and what is at its default."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import yaml
from django.db.models import Field, Model, Q
from django.utils import timezone

from providers.adminforms import SECRET_HEADERS
from providers.models import Credential, Deployment, LanguageModel, Provider
from providers.prices import histories
from providers.realms import APART
from routing.configfile import schema
from routing.configfile.budgetpart import exported_budgets
from routing.configfile.pricepart import exported_price
from routing.configfile.receiverpart import exported_receivers
from routing.models import Policy
from tenants.callers import LIMITS, Scope
from tenants.models import AlertReceiver, Budget, ClientKey, Tenant, own

HEADER: Final = """\
# The configuration of this NeuroRoute, for `manage.py apply`. Secrets are not in it: give a new installation
# `credential_env: NAME` per provider, and `url_env` and `key_env` per webhook; keys of tenants are made anew where they
# do not exist.
"""
OF_CREDENTIALS: Final = """# Providers with credentials here, to give theirs again elsewhere:
"""
VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")  # a credential that came from a variable is called as this is
DEPLOYMENT: Final = (
    "enabled",
    "context",
    "max_output",
    "capabilities",
    "quantization",
    "unsupported",
    "quality",
    "ttft_ms",
    "tokens_per_s",
    "retries",
)
Data = dict[str, Any]


def export() -> str:
    """The configuration as the text of a file."""
    # Grouped here, not by prefetch_related: SQLite refuses its list of more than a thousand ids.
    deployments: dict[int, list[Data]] = defaultdict(list)
    keys: dict[int, list[Data]] = defaultdict(list)
    budgets: dict[int, list[Budget]] = defaultdict(list)
    for budget in Budget.objects.select_related("key"):
        budgets[budget.tenant_id].append(budget)
    now, prices = timezone.now(), histories()
    for deployment in Deployment.objects.select_related("model").order_by("model__name"):
        deployments[deployment.provider_id].append(
            _deployment(deployment, exported_price(prices.get(deployment.pk, ()), now))
        )
    for key in ClientKey.objects.filter(revoked_at=None, lent_to=None).order_by("name"):
        keys[key.tenant_id].append(_key(key))
    parts = {
        "providers": [_provider(row, deployments[row.pk]) for row in Provider.objects.exclude(source__in=APART)],
        "models": [_model(row) for row in LanguageModel.objects.exclude(deployments__provider__source__in=APART)],
        "tenants": [_tenant(row, keys[row.pk], budgets[row.pk]) for row in Tenant.objects.filter(own())],
        "policies": [_policy(row) for row in Policy.objects.filter(drill=False)],
    }
    told = AlertReceiver.objects.select_related("tenant", "budget__key").filter(Q(tenant=None) | own("tenant__"))
    parts["receivers"] = exported_receivers(told.order_by("pk"))
    given = {name: entries for name, entries in parts.items() if entries}
    # Flow style for what holds no further lists: a price or an alias list stays on one line.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return (
        HEADER
        + _hints()
        + yaml.dump(given, Dumper=dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)
    )


def _hints() -> str:
    """A comment line for each provider that has credentials: under which variables, if they came from some."""
    names: dict[str, list[str]] = defaultdict(list)
    kept = Credential.objects.filter(enabled=True).exclude(provider__source__in=APART)
    for provider, name in kept.order_by("provider__name", "name").values_list("provider__name", "name"):
        names[provider].append(name if VARIABLE.fullmatch(name) else "NAME")
    lines = [f"#   {provider}: credential_env: [{', '.join(each)}]\n" for provider, each in names.items()]
    return "".join([OF_CREDENTIALS, *lines]) if lines else ""


def _provider(row: Provider, deployments: list[Data]) -> Data:
    headers = {name: value for name, value in row.headers.items() if name.lower() not in SECRET_HEADERS}
    return {
        "name": row.name,
        "wire": row.wire,
        "base_url": row.base_url,
        **_unusual(row, ("enabled", "allow_private", "local", "data_policy")),
        **({"headers": headers} if headers else {}),
        **({"deployments": deployments} if deployments else {}),
    }


def _deployment(row: Deployment, price: Any) -> Data:
    phases = ((name, f"{name}_timeout_s") for name in schema.Timeouts.__struct_fields__)
    timeouts = {name: getattr(row, column) for name, column in phases if _is_unusual(row, column)}
    return {
        "model": row.model.name,
        "upstream_model": row.upstream_model,
        **_unusual(row, DEPLOYMENT),
        **({"price": price} if price else {}),
        **({"timeouts": timeouts} if timeouts else {}),
    }


def _model(row: LanguageModel) -> Data:
    return {"name": row.name, **_unusual(row, ("aliases", "quality", "category_quality", "description"))}


def _tenant(row: Tenant, keys: list[Data], budgets: list[Budget]) -> Data:
    limits = _unusual(row, LIMITS)
    return {
        "name": row.name,
        **_unusual(row, ("enabled", "explain", "keep_bodies_days", "time_zone")),
        "default_policy": row.default_policy,
        "allow": {"models": row.allow_models, "policies": row.allow_policies},
        **({"limits": limits} if limits else {}),
        **({"keys": keys} if keys else {}),
        **({"budgets": exported_budgets(budgets)} if budgets else {}),
    }


def _key(row: ClientKey) -> Data:
    limits = _unusual(row, LIMITS)
    allow = {part: names for part in Scope.__struct_fields__ if (names := getattr(row, f"allow_{part}"))}
    return {
        "name": row.name,
        **_unusual(row, ("operator", "expires_at")),
        **({"limits": limits} if limits else {}),
        **({"allow": allow} if allow else {}),
    }


def _policy(row: Policy) -> Data:
    return {
        "name": row.name,
        "kind": row.kind,
        **_unusual(row, ("weights", "order", "client_tasks", "recovery", "hedging", "description", "enabled")),
    }


def _unusual(row: Model, columns: Iterable[str]) -> Data:
    return {column: getattr(row, column) for column in columns if _is_unusual(row, column)}


def _is_unusual(row: Model, column: str) -> bool:
    """Whether a column says more than its default does."""
    field = row._meta.get_field(column)
    return not isinstance(field, Field) or getattr(row, column) != field.get_default()
