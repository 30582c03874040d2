"""The pages on which a budget is set or raised, its thresholds are moved, and somebody is told of it."""

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from dashboard.access import staff_form
from dashboard.budgetforms import NewBudgetForm, NotifyForm, RaiseForm, ThresholdsForm
from dashboard.questions import ask, deciding, done, require
from dashboard.scope import Scope
from dashboard.views import scope_for
from providers import formwrites
from providers.adminbase import actor_of
from providers.revisions import TENANTS
from tenants.alerting import receivers_of
from tenants.alertrows import AlertReceiver
from tenants.budgets import RAISE, Budget, amount_text
from tenants.models import ClientKey
from tenants.selectors import BudgetState, states_of, tenants_in
from tenants.sight import seen

ADD: Final = "tenants.add_budget"
NOTIFY: Final = "tenants.add_alertreceiver"
CHANGE: Final = "tenants.change_budget"
_FINANCE: Final = "the role finance has it, and an owner can give it."
NO_ADD: Final = f"Setting one takes the right to add budgets: {_FINANCE}"
PREFILLED: Final = ("tenant", "tag", "limit_usd", "period")  # what an address may fill in
NO_RAISE: Final = f"Raising takes the right to raise budgets: {_FINANCE}"
NO_NOTIFY: Final = f"Notifying takes the right to add alert receivers: {_FINANCE}"
NO_CHANGE: Final = f"Thresholds take the right to change budgets: {_FINANCE}"


@staff_form
def new(request: HttpRequest) -> HttpResponse:
    """Set a budget; an address may fill in what it is to be."""
    require(request, ADD, NO_ADD)
    scope = scope_for(request, "budgets")
    held = {name: request.GET[name] for name in PREFILLED if name in request.GET}
    if scope.key_id is not None:
        named = seen(ClientKey.objects.filter(pk=scope.key_id), scope.sight, "tenant_id")
        held["key"] = named.values_list("name", flat=True).first() or ""
    form = NewBudgetForm(tenants_in(scope.sight), request.POST or None, initial=held)
    if form.is_valid():
        made = formwrites.add(form, actor_of(request), form.cleaned_data["reason"], TENANTS)
        return done(request, scope, f"The budget is set: {made}.")
    effect = (
        "Holds within a second, for every request that begins from then on; nothing that was spent before counts. A "
        "hard budget refuses what it does not cover, a soft one only alerts."
    )
    settings = reverse("admin:tenants_budget_add")
    return ask(request, scope, form, title="Set a budget", effect=effect, verb="Set the budget", settings=settings)


@staff_form
def lift(request: HttpRequest, budget: int) -> HttpResponse:
    """Raise the limit."""
    require(request, RAISE, NO_RAISE)
    scope = scope_for(request, "budgets")
    with deciding(request):
        row = _found(budget, scope, locked=request.method == "POST")
        state, form = states_of([row], timezone.now())[0], RaiseForm(request.POST or None, instance=row)
        if form.is_valid():
            formwrites.change(form, "raised", actor_of(request), form.cleaned_data["reason"], TENANTS)
            return done(request, scope, f"The limit is {row.limit_text} now: {state.name}.")
    settings = _settings(request, row)
    title, effect = f"Raise {state.name}", _spent(state)
    return ask(request, scope, form, title=title, effect=effect, verb="Raise the limit", settings=settings)


@staff_form
def thresholds(request: HttpRequest, budget: int) -> HttpResponse:
    """Move the percents at which its receivers are told."""
    require(request, CHANGE, NO_CHANGE)
    scope = scope_for(request, "budgets")
    with deciding(request):
        row = _found(budget, scope, locked=request.method == "POST")
        form, name = ThresholdsForm(request.POST or None, instance=row), str(row)
        if form.is_valid():
            formwrites.change(form, "changed", actor_of(request), form.cleaned_data["reason"], TENANTS)
            told = ", ".join(f"{each} %" for each in row.alerts)
            return done(request, scope, f"{name} is told of at {told}." if told else f"{name} is told of no more.")
    state = states_of([row], timezone.now())[0]
    effect = (
        f"Whoever is told of it hears once in each period when that share of its limit is spent. {_receivers(state)} "
        f"{state.used_percent:.0f} % is spent: what lies below that is told with the next check, within a minute."
    )
    return ask(
        request, scope, form, title=f"Thresholds of {name}", effect=effect, verb="Set the thresholds",
        settings=_settings(request, row),
    )  # fmt: skip


@sensitive_post_parameters()
@staff_form
def notify(request: HttpRequest, budget: int) -> HttpResponse:
    """Add a receiver of its alerts."""
    require(request, NOTIFY, NO_NOTIFY)
    scope = scope_for(request, "budgets")
    row = _found(budget, scope)
    form = NotifyForm(request.POST or None, instance=AlertReceiver(tenant=row.tenant, budget=row))
    if form.is_valid():
        made = formwrites.add(form, actor_of(request), form.cleaned_data["reason"])
        return done(request, scope, f"{made} is told of {row}, at {made.shown}.")
    state = states_of([row], timezone.now())[0]
    at = ", ".join(f"{each} %" for each in row.alerts)
    when = f"when {at} of it are spent, once in each period" if at else "of nothing: it has no thresholds"
    settings = f"{reverse('admin:tenants_alertreceiver_add')}?budget={row.pk}"
    effect = f"Is told {when}. {_receivers(state)}"
    return ask(
        request, scope, form, title=f"Tell somebody of {row}", effect=effect, verb="Add the receiver",
        settings=settings,
    )  # fmt: skip


def _found(budget: int, scope: Scope, *, locked: bool = False) -> Budget:
    """A budget in sight, to be changed within a transaction; any other is as unknown as one that nobody has."""
    rows = seen(Budget.objects.select_related("tenant", "key"), scope.sight, "tenant_id").filter(pk=budget)
    row = (rows.select_for_update(of=("self",)) if locked else rows).first()
    if row is None:
        raise Http404(f"There is no budget {budget}.")
    return row


def _spent(state: BudgetState) -> str:
    """How it stands, and what the raise does."""
    spent, held = amount_text(state.unit, state.spent), amount_text(state.unit, state.reserved)
    now = f"Of {amount_text(state.unit, state.limit)}, {spent} ({state.used_percent:.0f} %) is spent, and {held} held."
    lets = "Requests may spend up to the new limit" if state.hard else "It only alerts; its thresholds move with it"
    return f"{now} {lets}, within a second, in this period and in those to come."


def _receivers(state: BudgetState) -> str:
    """Who is told of it already."""
    there = ", ".join(f"{each} ({each.shown})" for each in receivers_of([state]).get(state.id, ()))
    return f"Told already: {there}." if there else "Nobody is told of it yet."


def _settings(request: HttpRequest, row: Budget) -> str:
    return reverse("admin:tenants_budget_change", args=[row.pk]) if request.user.has_perm(CHANGE) else ""
