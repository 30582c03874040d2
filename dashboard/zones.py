"""Which time zones are there? Their names, for whoever chooses one."""

from functools import cache
from zoneinfo import available_timezones

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import staff_only

A_DAY_S = 86_400


@cache
def every() -> tuple[str, ...]:
    """Every zone that is a place, and UTC first."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix", "right")))
    return ("UTC", *sorted(places))


@require_safe
@staff_only
def options(request: HttpRequest) -> HttpResponse:
    """The list as options, fetched when somebody looks for a zone: no page carries it."""
    answer = render(request, "dashboard/zones.html", {"zones": every()})
    answer["Cache-Control"] = f"private, max-age={A_DAY_S}"
    return answer
