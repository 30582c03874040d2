"""How does a page ask before something is done? It says what would happen and who would notice, and takes a reason."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from dashboard.frame import frame_of
from dashboard.pages import PAGES, START
from dashboard.scope import Scope

PLACES: Final = {**PAGES, START.name: START}  # where a page can ask from


def ask(
    request: HttpRequest,
    scope: Scope,
    form: forms.BaseForm,
    *,
    title: str,
    effect: str,
    verb: str,
    possible: bool = True,
    danger: bool = False,
    settings: str = "",
    preview: str = "",
) -> HttpResponse:
    """The question on the page of `scope`; `verb` is its button. Where it is not possible `effect` says why: 409.

    `settings` is the page of the admin that has all of it, and `preview` what the values in the form come to.
    """
    context = {
        **frame_of(request, scope, scope.page), "page": PLACES[scope.page], "back": scope.link(scope.page),
        "form": form, "settings": settings, "preview": preview,
        "title": title, "effect": effect, "verb": verb if possible else "", "danger": danger,
    }  # fmt: skip
    status = 422 if form.errors and not previews(request) else 200
    return render(request, "dashboard/question.html", context, status=status if possible else 409)


def previews(request: HttpRequest) -> bool:
    """Whether somebody wants to see what the form comes to, and nothing done."""
    return request.method == "POST" and request.POST.get("act") == "preview"


def deciding(request: HttpRequest) -> AbstractContextManager[Any]:
    """A transaction where something is to be done, so that a row that is read to be changed stays as it was read."""
    return transaction.atomic() if request.method == "POST" else nullcontext()


def done(request: HttpRequest, scope: Scope, said: str) -> HttpResponse:
    """Back to the page where the button stood, which says what was done."""
    messages.success(request, said)
    return HttpResponseRedirect(scope.link(scope.page))


def require(request: HttpRequest, right: str, why: str) -> None:
    """Refuse who has not the right that a button takes, with the reason that the button has."""
    if not request.user.has_perm(right):
        raise PermissionDenied(why)
