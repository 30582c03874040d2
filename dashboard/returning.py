"""Where does a form lead back to? To the page on which it stood, as long as that is one of ours."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def back_of(request: HttpRequest) -> str:
    """The address in the form's field `back`, else the first page."""
    back = request.POST.get("back", "")
    return back if _is_ours(back, request) else reverse("dashboard:home")


def not_accepted(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What a form without a valid token is answered: the page that it stood on, to open anew, else the start."""
    stood_on = request.headers.get("Referer", "")
    again = stood_on if _is_ours(stood_on, request) else ""
    return render(request, "403_csrf.html", {"again": again}, status=403)


def _is_ours(address: str, request: HttpRequest) -> bool:
    return url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
