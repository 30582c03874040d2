"""Whose session is this? Nobody's, as long as its person has a second factor, or needs one, and it has not shown it.

Everything that asks `request.user` obeys: admin, dashboard, the operator's API. Sessions from before a second factor
was turned on are ended by it, and so are those of staff once SECOND_FACTOR_REQUIRED is set.
"""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject
from django_otp import DEVICE_ID_SESSION_KEY

from tenants.models import Authenticator
from tenants.secondfactor import factor_of, required_of


@sync_and_async_middleware
def verified_sessions(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Stands after Django's middleware that says who is signed in; costs nothing where nobody asks."""
    if iscoroutinefunction(get_response):

        async def asked_async(request: HttpRequest) -> Any:
            return await get_response(_guarded(request))

        return asked_async

    def asked(request: HttpRequest) -> Any:
        return get_response(_guarded(request))

    return asked


def _guarded(request: HttpRequest) -> HttpRequest:
    found = request.user
    request.user = SimpleLazyObject(lambda: _admitted(request, found))  # type: ignore[assignment]

    async def auser() -> Any:
        return await sync_to_async(_admitted)(request, found)

    request.auser = auser
    return request


def _admitted(request: HttpRequest, person: Any) -> Any:
    if not person.is_authenticated:
        return person
    factor_id = person.second_factor_id if hasattr(person, "second_factor_id") else _factor_id(person)
    if factor_id is None:
        return AnonymousUser() if required_of(person) else person
    shown = request.session.get(DEVICE_ID_SESSION_KEY)
    return person if shown == f"{Authenticator.model_label()}/{factor_id}" else AnonymousUser()


def _factor_id(person: Any) -> int | None:
    factor = factor_of(person)
    return None if factor is None else factor.pk
