"""Where does a form lead back to? To the page on which it stood, as long as that is one of ours."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def back_of(request: HttpRequest) -> str:
    """The address in the form's field `back`, else the first page."""
    back = request.POST.get("back", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return back if safe else reverse("dashboard:home")
