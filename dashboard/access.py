"""Who may look? Staff, after signing in; others hear who can let them in."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.sight import sight_of

View = Callable[..., HttpResponseBase]


def staff_only(view: View) -> View:
    """Send strangers to the login, and refuse accounts that are not staff (a redirect would loop)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            raise PermissionDenied(
                "Only staff accounts see the dashboard. An owner can make this account one in admin."
            )
        return view(request, *args, **kwargs)

    return guarded


def every_tenant_only(view: View) -> View:
    """`staff_only`, and what shows all tenants together is for those who see every one."""

    @staff_only
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if sight_of(request.user) is not None:
            raise PermissionDenied("This is about all tenants together, and you see some of them, or none.")
        return view(request, *args, **kwargs)

    return guarded
