"""Is what operators look at a sandbox? The badge on every admin page."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, QuerySet
from django.http import HttpRequest

from providers.models import Provider


def with_sandbox(people: QuerySet[User]) -> QuerySet[Any]:
    """People with `sandbox`: whether sandbox providers can be called as they are read."""
    return people.annotate(sandbox=Exists(Provider.objects.filter(source=Provider.Source.SANDBOX, enabled=True)))


def badge(request: HttpRequest) -> list[str] | None:
    """Text and colour of the badge while sandbox providers can be called, else None."""
    if not request.user.is_authenticated:
        return None
    person: Any = request.user
    if not hasattr(person, "sandbox"):  # who has only just given a password was read by another
        person = with_sandbox(User.objects.filter(pk=person.pk)).get()
    return ["Sandbox", "warning"] if person.sandbox else None
