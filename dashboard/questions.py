"""How does a page ask before something is done? It says what would happen and who would notice, and takes a reason."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.frame import frame_of
from dashboard.keyforms import ReasonForm
from dashboard.pages import PAGES, START
from dashboard.scope import Scope

PLACES: Final = {**PAGES, START.name: START}  # where a page can ask from


def ask(
    request: HttpRequest,
    scope: Scope,
    form: ReasonForm,
    *,
    title: str,
    effect: str,
    verb: str,
    possible: bool = True,
    danger: bool = False,
) -> HttpResponse:
    """The question on the page of `scope`; `verb` is its button. Where it is not possible `effect` says why: 409."""
    context = {
        **frame_of(request, scope, scope.page), "page": PLACES[scope.page], "back": scope.link(scope.page),
        "form": form,
        "title": title, "effect": effect, "verb": verb if possible else "", "danger": danger,
    }  # fmt: skip
    status = 422 if form.errors else 200
    return render(request, "dashboard/question.html", context, status=status if possible else 409)
