"""The pages that ask before a local model is loaded, unloaded or pinned: they name who is using it."""

from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from dashboard.access import staff_form
from dashboard.formatting import gibibytes
from dashboard.keyforms import ReasonForm
from dashboard.questions import ask
from dashboard.scope import Scope
from dashboard.using import using
from dashboard.views import scope_for
from profiling import localorders
from providers.adminbase import actor_of
from providers.local_servers.base import LocalModel, Verb
from providers.residency import ACTS, RIGHT, Seen, look_at, on_our_hardware

WHY_NOT = "This takes the right to change providers: the role operator has it, and an owner can give it."


def address_of(verb: Verb, provider: str, model: str) -> str:
    """Where it is asked whether to."""
    return f"{reverse('dashboard:local-act', args=[provider, verb])}?{urlencode({'model': model})}"


def hindrance(verb: Verb, seen: Seen, model: LocalModel) -> str:
    """Why a verb cannot be done to a model of a server as it is now; empty where it can."""
    if seen.state and (cannot := seen.state.cannot.get(verb)):
        return f"{cannot}." if cannot.startswith(seen.label) else f"{cannot[:1].upper()}{cannot[1:]}."
    there = model.state in ("loaded", "sleeping")
    if verb == "load" and there:
        return "The model is in memory already."
    if verb == "unload" and not there:
        return "The model is not in memory."
    return "The model is pinned already." if verb == "pin" and model.stays else ""


@staff_form
def act(request: HttpRequest, provider: str, verb: str) -> HttpResponse:
    """Ask whether to, and give the order to a job; the page of local models shows how far it is."""
    if verb not in ACTS:
        raise Http404(f"{verb} is nothing that can be done to a model.")
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied(WHY_NOT)
    known, scope = cast(Verb, verb), scope_for(request, "local")
    seen, model = _found(provider, request.GET.get("model", ""))
    form, why = ReasonForm(request.POST or None), hindrance(known, seen, model)
    if request.method == "POST" and form.is_valid() and not why:
        row = on_our_hardware().get(name=seen.provider)
        localorders.give(known, row, model.name, actor_of(request), form.cleaned_data["reason"], datetime.now(UTC))
        return HttpResponseRedirect(reverse("dashboard:local"))
    title, told = f"{verb.capitalize()} {model.name}", why or effect(known, seen, model, scope)
    return ask(request, scope, form, title=title, effect=told, verb=title, possible=not why, danger=verb == "unload")


def effect(verb: Verb, seen: Seen, model: LocalModel, scope: Scope) -> str:
    """What will happen, and who would notice."""
    used = _used(seen, model, scope)
    if verb == "unload":
        back = "The next request for it waits until it is loaded again."
        return f"Takes {model.name} out of the memory of {seen.provider}. {used} {back}"
    need = "" if model.estimated_bytes is None else f" It may need {gibibytes(model.estimated_bytes)} of VRAM."
    room = f"{need} If there is no room, {seen.label} may take another model out for it, or refuse."
    if verb == "pin":
        end = f"until it is unloaded or {seen.label} ends, used or not."
        return f"Keeps {model.name} in the memory of {seen.provider} {end}{room} {used}"
    return f"Takes {model.name} into the memory of {seen.provider}; that may take minutes.{room} {used}"


def _used(seen: Seen, model: LocalModel, scope: Scope) -> str:
    """`3 keys used it in the last hour, 1 request is running.`"""
    row = seen.ours.get(model.name)
    if row is None:
        return "It is no deployment here, so no request comes to it from here."
    return using(row, scope.sight)


def _found(provider: str, name: str) -> tuple[Seen, LocalModel]:
    seen = look_at(provider)
    if seen is None:
        raise Http404(f"There is no provider {provider!r} on our own hardware.")
    if seen.state is None:
        raise Http404(f"{provider} does not answer: {seen.trouble}.")
    for model in seen.state.models:
        if model.name == name:
            return seen, model
    raise Http404(f"{provider} has no model {name!r}.")
