"""The file's `policies`: how candidates are ordered."""

from collections.abc import Collection

from providers.models import Deployment
from providers.revisions import POLICIES
from routing.configfile import schema
from routing.configfile.changes import Changes
from routing.configfile.reading import nearest
from routing.configfile.schema import given
from routing.features.client_task import TASKS
from routing.models import Policy
from routing.policies import policy_kinds
from routing.policybook import EVERY_TASK, SHORT_NAMES
from routing.scorers import scorers

FIELDS = ("kind", "weights", "order", "client_tasks", "recovery", "hedging", "description", "enabled")
HEAVIEST = 1000  # as the admin's form


def put_policies(changes: Changes, specs: list[schema.Policy]) -> None:
    """Make or update every policy of the file."""
    if not changes.unique("policies", (spec.name for spec in specs)):
        return
    rows = {row.name: row for row in Policy.objects.all()}
    places, names = _places(), {*rows, *(spec.name for spec in specs)}
    for index, spec in enumerate(specs):
        path, row = f"policies[{index}]", rows.get(spec.name) or Policy(name=spec.name)
        if _is_sound(changes, path, spec, row):
            _warn_of_unknown_places(changes, f"{path}.order", spec, places)
            _warn_of_unknown_policies(changes, f"{path}.client_tasks", spec, names)
            changes.put(POLICIES, row, f"policy {spec.name}", [(name, name, getattr(spec, name)) for name in FIELDS])


def _is_sound(changes: Changes, path: str, spec: schema.Policy, row: Policy) -> bool:
    before = len(changes.problems)
    kind = given(spec.kind, row.kind)
    if not kind:
        changes.problem(path, f"a new policy needs a kind: one of {', '.join(sorted(policy_kinds()))}")
    elif kind not in policy_kinds():
        changes.problem(f"{path}.kind", f"there is no kind {kind}{nearest(kind, policy_kinds())}")
    _check_weights(changes, f"{path}.weights", given(spec.weights, {}))
    _check_tasks(changes, f"{path}.client_tasks", given(spec.client_tasks, {}))
    if kind == "weighted" and not any(given(spec.weights, row.weights).values()):
        changes.problem(path, "a weighted policy needs a weight above 0, e.g. weights: {cost: 30, latency: 40}")
    if kind in ("ordered", "pinned") and not given(spec.order, row.order):
        changes.problem(path, f"a policy of kind {kind} needs an order, e.g. order: [openai/gpt-5-mini]")
    return len(changes.problems) == before


def _check_weights(changes: Changes, path: str, weights: dict[str, int | float]) -> None:
    for name, weight in weights.items():
        if name not in scorers():
            changes.problem(f"{path}.{name}", f"nothing scores {name}{nearest(name, scorers())}")
        elif not 0 <= weight <= HEAVIEST:
            changes.problem(f"{path}.{name}", f"{weight} is not between 0 and {HEAVIEST}")


def _check_tasks(changes: Changes, path: str, tasks: dict[str, str]) -> None:
    for task in tasks:
        if task not in (*TASKS, EVERY_TASK):
            changes.problem(f"{path}.{task}", f"no client sends a {task}{nearest(task, (*TASKS, EVERY_TASK))}")


def _warn_of_unknown_policies(changes: Changes, path: str, spec: schema.Policy, names: Collection[str]) -> None:
    for task, name in given(spec.client_tasks, {}).items():
        if name not in names and name not in SHORT_NAMES:
            changes.warn(f"{path}.{task}", f"no policy is called {name}{nearest(name, names)}; the task stays")


def _places() -> set[str]:
    """What an order may name: provider/model, a provider or a model."""
    found = set()
    for provider, model in Deployment.objects.values_list("provider__name", "model__name"):
        found |= {provider, model, f"{provider}/{model}"}
    return found


def _warn_of_unknown_places(changes: Changes, path: str, spec: schema.Policy, places: Collection[str]) -> None:
    for index, name in enumerate(given(spec.order, [])):
        if name not in places:
            near = nearest(name, places) if len(places) < HEAVIEST else ""
            changes.warn(f"{path}[{index}]", f"no deployment is called {name}{near}")
