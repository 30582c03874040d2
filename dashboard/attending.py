"""Where people take note of what needs somebody, or let it be looked for now."""

from datetime import UTC, datetime, timedelta
from typing import Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from dashboard import board
from dashboard.access import staff_only, who_grants
from dashboard.attention import Finding, check, findings, here
from dashboard.panels.attention import RIGHT, noticed_in
from dashboard.returning import back_of
from dashboard.scope import Scope
from dashboard.views import scope_for
from providers import audit
from providers.adminbase import actor_of
from tenants.rightwords import right_said

KIND: Final = "finding"  # in audit rows
OFTEN: Final = timedelta(seconds=5)  # nobody looks more often
LONGEST_KEY: Final = 64  # of an audit row


@require_POST
@staff_only
def acknowledge(request: HttpRequest) -> HttpResponse:
    """Hide one finding until it gets worse, for a day at most."""
    scope = scope_for(request, "home")
    found = _found(request, scope)
    if found is None:
        return _back(request, "This finding is over already.")
    with transaction.atomic():
        note = board.acknowledge(found.notice, request.user.get_username(), scope.period.now)
        _keep(request, "acknowledged", found, [None, note.until.isoformat(timespec="seconds")])
    return _back(request)


@require_POST
@staff_only
def take_back(request: HttpRequest) -> HttpResponse:
    """Show one again."""
    scope = scope_for(request, "home")
    found = _found(request, scope)
    if found is None or found.acknowledged is None:
        return _back(request, "This is not acknowledged any more.")
    with transaction.atomic():
        board.take_back(found.notice.about)
        _keep(request, "took back", found, [found.acknowledged.until.isoformat(timespec="seconds"), None])
    return _back(request)


@require_POST
@staff_only
def check_now(request: HttpRequest) -> HttpResponse:
    """Look now, in this request, for who sees every tenant: so it does where no worker runs jobs."""
    scope, now = scope_for(request, "home"), datetime.now(UTC)
    if scope.sight is not None:
        raise PermissionDenied(f"A check is about all tenants together. {who_grants()}")
    last = scope.board.checked_at
    if last is None or now - last > OFTEN:
        check(now)
    return _back(request)


def _found(request: HttpRequest, scope: Scope) -> Finding | None:
    """What the form names, if it is there and this person may acknowledge it."""
    known = findings(scope.board, here(scope.ask), scope.period.now, scope.sight, noticed_in(scope))
    found = known.about(request.POST.get("about", ""))
    if not scope.may(RIGHT):
        raise PermissionDenied(f"This takes the right to {right_said(RIGHT)}. {who_grants()}")
    if found is not None and scope.sight is not None and found.notice.tenant is None:
        raise PermissionDenied(f"This is about all tenants together, and you see some of them. {who_grants()}")
    return found


def _keep(request: HttpRequest, verb: str, found: Finding, until: list[str | None]) -> None:
    notice = found.notice
    audit.record_named(
        actor_of(request), verb, KIND, notice.what, {"until": until}, object_id=notice.about[:LONGEST_KEY]
    )


def _back(request: HttpRequest, problem: str = "") -> HttpResponse:
    if problem:
        messages.error(request, problem)
    return HttpResponseRedirect(back_of(request) + "#panel-attention")
