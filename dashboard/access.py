"""Who may look? Staff, after signing in; others hear who can let them in."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth import get_user_model
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tenants.sight import sight_of

OWNERS = "owner"  # the group
MOST_NAMES = 10

View = Callable[..., HttpResponseBase]


def who_grants() -> str:
    """Who can open what is closed, by name, in a sentence."""
    owners = get_user_model().objects.filter(Q(is_superuser=True) | Q(groups__name=OWNERS), is_active=True)
    names = sorted(set(owners.values_list("username", flat=True)[:MOST_NAMES]))
    return f"Owners here: {', '.join(names)}." if names else "There is no owner yet."


def staff_only(view: View) -> View:
    """Send strangers to the login, and refuse accounts that are not staff (a redirect would loop)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            raise PermissionDenied(
                f"Only staff accounts see the dashboard. An owner can make this account one in admin. {who_grants()}"
            )
        return view(request, *args, **kwargs)

    return guarded


def staff_form(view: View) -> View:
    """A page for staff that is sent back to the address where it was asked for; no cache keeps it."""
    return require_http_methods(["GET", "HEAD", "POST"])(staff_only(never_cache(view)))


def every_tenant_only(view: View) -> View:
    """`staff_only`, and what shows all tenants together is for those who see every one."""

    @staff_only
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if sight_of(request.user) is not None:
            raise PermissionDenied(
                f"This is about all tenants together, and you see some of them, or none. {who_grants()}"
            )
        return view(request, *args, **kwargs)

    return guarded
