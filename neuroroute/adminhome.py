"""The first page of the admin: what needs somebody, and who changed what lately."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from dashboard.attention import findings, here
from dashboard.board import board_of
from dashboard.panels.attention import CHECKED, stake_of
from providers import audit
from tenants.sight import sight_of

LATEST = 8


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add `findings` that this person can act on with what is at stake, and `changes`; for DASHBOARD_CALLBACK."""
    now, sight, may = timezone.now(), sight_of(request.user), request.user.has_perm
    may_audit = sight is None and may("providers.view_auditentry")
    found = findings(board_of(request.user), here(), now, sight)
    return {
        **context,
        "title": "Overview",
        "found": found,
        "findings": [
            (one, stake_of(one)) for one in found.open if not one.notice.permission or may(one.notice.permission)
        ],
        "checked": CHECKED,
        "changes": audit.latest(LATEST) if may_audit else [],
    }
