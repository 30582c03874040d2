"""Whoever changes one's own password leaves a line in the audit log, by whichever page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from providers import audit


@contextmanager
def password_told(request: HttpRequest, person: Any, reason: str) -> Iterator[None]:
    """Record that `person` has another password afterwards, if that is so, in the transaction that keeps it."""
    with transaction.atomic():
        before = audit.state(person)
        yield
        if changes := audit.difference(before, audit.state(person)):
            who = audit.Actor(person.get_username(), "admin", request.META.get("REMOTE_ADDR") or None)
            audit.record(who, "changed", person, changes, reason)


def password_change(request: HttpRequest) -> HttpResponse:
    """The admin's own page for it."""
    if request.method != "POST":
        return admin.site.password_change(request)
    with password_told(request, request.user, "one's own, with the old one"):
        return admin.site.password_change(request)
