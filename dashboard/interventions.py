"""The pages that ask before a deployment is left alone, trusted anew, drained or taken back, and name who notices."""

from collections.abc import Mapping
from typing import Final, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from dashboard.access import staff_form
from dashboard.draining import lost
from dashboard.keyforms import ReasonForm
from dashboard.questions import ask
from dashboard.scope import Scope
from dashboard.upstreamrows import deployment_of
from dashboard.using import using
from dashboard.verbs import Verb
from dashboard.views import scope_for
from providers.adminbase import actor_of
from providers.models import Deployment
from providers.selectors import Standing, served_by_nobody_else
from routing import acts
from routing.acts import Act
from tenants.rightwords import right_said

ALWAYS: Final[tuple[Act, ...]] = ("open", "reset")
LABELS: Final[Mapping[Act, str]] = {
    "open": "Open breaker", "reset": "Reset health", "drain": "Drain", "undrain": "Enable"
}  # fmt: skip
EFFECTS: Final[Mapping[Act, str]] = {
    "open": "Every worker leaves {0} alone for a minute, within a second. Requests go to others meanwhile; where "
    "nobody else can answer, it is asked all the same. Then one request is its probe: if that works, it is back.",
    "reset": "Every worker forgets within a second what it remembers of {0}, of its provider and of its credentials: "
    "open breakers close, and barred credentials are tried again.",
    "drain": "Takes {0} out of use within a second, until somebody enables it: no new request goes to it, and what "
    "runs on it ends by itself.",
    "undrain": "Takes {0} back into use within a second: requests may go to it again{1}.",
}


def verbs_of(scope: Scope, standing: Standing | None, state: str) -> tuple[Verb, ...]:
    """The buttons of a deployment, which is in this state now; None: it is gone from the configuration."""
    return (*(verb_of(scope, act, standing, state) for act in ALWAYS), switch_of(scope, standing))


def switch_of(scope: Scope, standing: Standing | None) -> Verb:
    """The button that takes it out of use or, where it is, back."""
    return verb_of(scope, "drain" if standing is None or standing.enabled else "undrain", standing)


def verb_of(scope: Scope, act: Act, standing: Standing | None, state: str = "") -> Verb:
    """One button on the page of `scope`."""
    why = _hindrance(act, standing, state)
    if not why and not acts.may(scope.may, act):
        why = _takes(act)
    address = "" if why or standing is None else reverse(f"dashboard:{scope.page}-act", args=[standing.id, act])
    return Verb(LABELS[act], address, why, danger=_harms(act))


def _takes(act: Act) -> str:
    right = right_said(acts.RIGHTS[act][0])
    return f"This takes the right to {right}: the role operator has it, and an owner can give it."


def _harms(act: Act) -> bool:
    return act in ("open", "drain")


def _hindrance(act: Act, standing: Standing | None, state: str) -> str:
    """Why it makes no sense now; empty where it does."""
    if standing is None:
        return "It is gone from the configuration."
    if act == "open" and state == "open":
        return "Its breaker is open already."
    if act in ("open", "reset") and not standing.used:
        return "It is out of use, so nothing is remembered of it."
    if act in ("drain", "undrain") and standing.enabled == (act == "undrain"):
        return f"It is {'in' if standing.enabled else 'out of'} use already."
    return ""


@staff_form
def intervene(request: HttpRequest, deployment_id: int, verb: str, page: str) -> HttpResponse:
    """Ask whether to, and do it; it is known to all workers a second later. `page` is where the button stood."""
    if verb not in LABELS:
        raise Http404(f"{verb} is nothing that can be done to a deployment.")
    act, scope = cast(Act, verb), scope_for(request, page)
    if not acts.may(request.user.has_perm, act):
        raise PermissionDenied(_takes(act))
    row = deployment_of(deployment_id)
    why = _hindrance(act, Standing(row.pk, row.enabled, row.provider.enabled), "")
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and not why:
        acts.do(act, row, actor_of(request), form.cleaned_data["reason"])
        return HttpResponseRedirect(scope.link(page))
    effect, label = why or _effect(act, row, scope), LABELS[act]
    return ask(
        request, scope, form, title=f"{label}: {row}", effect=effect, verb=label, possible=not why, danger=_harms(act)
    )


def _effect(act: Act, row: Deployment, scope: Scope) -> str:
    """What will happen, and who would notice."""
    alone = lost(served_by_nobody_else(row.provider, row)) if act == "drain" else ""
    blocked = "" if row.provider.enabled else f", once its provider {row.provider} is enabled too"
    return f"{EFFECTS[act].format(row, blocked)}{alone} {using(row, scope.sight)}"
