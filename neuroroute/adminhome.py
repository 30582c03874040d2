"""The first page of the admin: what needs somebody, and who changed what lately."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from dashboard.access import who_grants
from dashboard.attention import Findings, findings, here
from dashboard.panels.attention import CHECKED, noticed_in, stake_of
from dashboard.views import scope_for
from providers import audit
from tenants.sight import sight_of

LATEST = 8


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add `findings` that this person sees, as the dashboard has them, and `changes`; for DASHBOARD_CALLBACK.

    Who sees no tenant is told of no finding, and hears so in `blind`: that is not the same as that all is well.
    """
    sight, may = sight_of(request.user), request.user.has_perm
    sees, may_audit = sight is None or bool(sight), sight is None and may("providers.view_auditentry")
    found = _found(request) if sees else None
    return {
        **context,
        "title": "Overview",
        "found": found,
        "findings": [
            (one, stake_of(one), not one.notice.permission or may(one.notice.permission))
            for one in (found.open if found else ())
        ],
        "blind": "" if sees else f"You see no tenant, and so no findings. {who_grants()}",
        "everybody": sight is None,
        "checked": CHECKED,
        "changes": audit.latest(LATEST) if may_audit else [],
        "may_audit": may_audit,
    }


def _found(request: HttpRequest) -> Findings:
    scope = scope_for(request, "home")
    return findings(scope.board, here(scope.ask), timezone.now(), scope.sight, noticed_in(scope))
