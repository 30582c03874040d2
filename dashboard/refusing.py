"""What does a page say to an account that may not see it? In admin, too, the missing right, and who grants it."""

from typing import Final

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.views.defaults import permission_denied

from dashboard.access import who_grants
from tenants.rightwords import right_said

VERBS: Final = {"changelist": "view", "history": "view", "add": "add", "change": "change", "delete": "delete"}


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's own page for 403; what was raised without a reason is given one, where the address tells it."""
    right = "" if str(exception) else _right(request)
    if right and not request.user.has_perm(right):  # else it is closed for another reason, such as whose row it is
        exception = PermissionDenied(f"This takes the right to {right_said(right)}. {who_grants()}")
    return permission_denied(request, exception)


def _right(request: HttpRequest) -> str:
    """What admin's address takes, e.g. "tenants.change_tenant"; empty where it is none of a model's."""
    match = request.resolver_match
    if match is None or match.app_name != "admin":
        return ""
    for model, held in admin.site._registry.items():
        place = f"{model._meta.app_label}_{model._meta.model_name}_"
        if (match.url_name or "").startswith(place):
            code = _code(held, (match.url_name or "").removeprefix(place), request)
            return f"{model._meta.app_label}.{code}" if code else ""
    return ""


def _code(held: "ModelAdmin[Model]", deed: str, request: HttpRequest) -> str:
    """Of the right that `deed` takes of this model's admin."""
    options = held.model._meta
    if deed in dict(options.permissions):
        return deed
    taken = getattr(getattr(held, deed, None), "allowed_permissions", None) or [VERBS.get(deed, "")]
    verb = "view" if deed == "change" and request.method in ("GET", "HEAD") else taken[0]  # who may not change, reads
    return f"{verb}_{options.model_name}" if verb in VERBS.values() else ""
