"""The pages on which people make, replace and end client keys of their own; a key's value is shown once."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from dashboard.access import staff_form
from dashboard.askable import tenants_for
from dashboard.examples import examples
from dashboard.formatting import counted
from dashboard.frame import frame_of
from dashboard.keyforms import NewKeyForm, ReasonForm, RotateForm
from dashboard.pages import PAGES
from dashboard.panels.usage_keys import NO_TENANT, WHY_NOT
from dashboard.questions import ask
from dashboard.views import scope_for
from providers.adminbase import actor_of
from tenants import ownkeys
from tenants.models import ClientKey
from tenants.sight import sight_of
from usage.selectors import Entities, TimeRange, totals

PAGE = PAGES["usage"]


@staff_form
def new(request: HttpRequest) -> HttpResponse:
    """Make a key."""
    _require(request, "new")
    if not (tenants := tenants_for(request.user)):
        raise Http404(NO_TENANT)
    form = NewKeyForm(tenants, request.POST or None, initial={"tenant": request.GET.get("tenant")})
    if form.is_valid():
        now, life = datetime.now(UTC), form.lives
        expires_at = now + life if life else None
        name, reason = form.cleaned_data["name"], form.cleaned_data["reason"]
        made, plain = ownkeys.make(form.chosen, name, request.user, expires_at, form.scope, actor_of(request), reason)
        return _made(request, made, plain)
    effect = "The key asks at its tenant's cost, and never more than the tenant may. Its value is shown once."
    return _question(request, form, title="Make a client key", verb="Make the key", effect=effect)


@staff_form
def rotate(request: HttpRequest, key_id: int) -> HttpResponse:
    """Make the successor of a key."""
    key, form = _live(request, "rotate", key_id), RotateForm(request.POST or None)
    if why := ownkeys.why_not_replaced([key], request.user.pk):
        raise PermissionDenied(why)
    if form.is_valid():
        now, reason = datetime.now(UTC), form.cleaned_data["reason"]
        made, plain = ownkeys.replace(key, form.lasts, now, actor_of(request), reason)
        return _made(request, made, plain, old=key)
    effect = (
        f"A new key takes over the name, scope and limits. {_lately(key)} They go on with it for as long as you say."
    )
    return _question(request, form, title=f"Rotate {key}", verb="Make the new key", effect=effect)


@staff_form
def revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """End a key for good."""
    key, form = _live(request, "revoke", key_id), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        ownkeys.end(key, actor_of(request), form.cleaned_data["reason"])
        return HttpResponseRedirect(reverse("dashboard:usage"))
    effect = f"Requests with {key.prefix}… are refused within a second, for good. {_lately(key)}"
    return _question(request, form, title=f"Revoke {key}", verb="Revoke for good", effect=effect, danger=True)


def _require(request: HttpRequest, verb: str) -> None:
    if not request.user.has_perm(ownkeys.RIGHTS[verb]):
        raise PermissionDenied(WHY_NOT[verb])


def _live(request: HttpRequest, verb: str, key_id: int) -> ClientKey:
    """A key of one's own that still works; any other is as unknown as one that nobody has."""
    key = ownkeys.own_keys(request.user.pk, sight_of(request.user)).filter(pk=key_id).first()
    if key is None:
        raise Http404("You have no such key.")
    _require(request, verb)
    if (state := key.state) != "active":
        raise Http404(f"{key} is {state}: there is nothing to {verb}. Make a new key instead.")
    return key


def _lately(key: ClientKey) -> str:
    """Who would notice."""
    now = datetime.now(UTC)
    hour = TimeRange.around(now - timedelta(hours=1), now, now)
    count = totals(hour, Entities(tenant_id=key.tenant_id, key_id=key.pk)).requests
    return f"{counted(count, 'request')} used it in the last hour."


def _question(request: HttpRequest, form: ReasonForm, **context: Any) -> HttpResponse:
    return ask(request, scope_for(request, PAGE.name), form, **context)


def _made(request: HttpRequest, key: ClientKey, plain: str, old: ClientKey | None = None) -> HttpResponse:
    """The only page that ever holds a key: rendered in answer to the form, kept nowhere."""
    told = {"key": key, "plain": plain, "old": old}
    lines = {"examples": examples(f"{request.scheme}://{request.get_host()}", plain)}
    return render(request, "dashboard/key_made.html", _frame(request) | told | lines)


def _frame(request: HttpRequest) -> dict[str, Any]:
    scope = scope_for(request, PAGE.name)
    return {**frame_of(request, scope, PAGE.name), "page": PAGE, "back": scope.link(PAGE.name)}
