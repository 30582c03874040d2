"""The file's `tenants`: who may call what, how often, by which policy."""

from zoneinfo import available_timezones

from providers.revisions import TENANTS
from routing.configfile import schema
from routing.configfile.budgetpart import put_budgets
from routing.configfile.changes import Changes
from routing.configfile.keypart import KeyMaker, limits_of
from routing.configfile.reading import nearest
from routing.configfile.schema import given
from routing.models import Policy
from routing.policybook import SHORT_NAMES
from tenants.budgets import RAISE, fixes_zone
from tenants.models import Tenant


def put_tenants(changes: Changes, specs: list[schema.Tenant]) -> None:
    """Make or update every tenant of the file with its client keys; keys that are made are put into `changes.keys`."""
    if not specs or not changes.unique("tenants", (spec.name for spec in specs)):
        return
    rows = {row.name: row for row in Tenant.objects.all()}
    policies = {*Policy.objects.values_list("name", flat=True), *SHORT_NAMES}
    maker = KeyMaker(changes)
    made: list[tuple[str, Tenant, schema.Tenant]] = []
    for index, spec in enumerate(specs):
        path, row = f"tenants[{index}]", rows.get(spec.name) or Tenant(name=spec.name)
        policy = given(spec.default_policy, row.default_policy)
        if policy not in policies:
            changes.problem(f"{path}.default_policy", f"no policy is called {policy}{nearest(policy, policies)}")
            continue
        zone = given(spec.time_zone, "UTC")
        if zone not in available_timezones():
            changes.problem(f"{path}.time_zone", f"{zone} is no time zone{nearest(zone, available_timezones())}")
            continue
        if given(spec.time_zone, row.time_zone) != row.time_zone and fixes_zone(row):
            changes.require(RAISE)
        changes.put(TENANTS, row, f"tenant {spec.name}", _values(spec))
        maker.put_keys(path, row, spec.keys or [])
        made.append((path, row, spec))
    maker.save()
    for path, row, spec in made:
        if spec.budgets:
            put_budgets(changes, path, row, spec.budgets, policies)


def _values(spec: schema.Tenant) -> list[tuple[str, str, object]]:
    return [
        ("enabled", "enabled", spec.enabled),
        *limits_of(spec.limits),
        ("allow.models", "allow_models", spec.allow.models),
        ("allow.policies", "allow_policies", spec.allow.policies),
        ("default_policy", "default_policy", spec.default_policy),
        ("time_zone", "time_zone", spec.time_zone),
        ("explain", "explain", spec.explain),
        ("keep_bodies_days", "keep_bodies_days", spec.keep_bodies_days),
    ]
