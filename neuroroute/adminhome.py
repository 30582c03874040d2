"""The first page of the admin: what needs somebody, and who changed what lately."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from dashboard.attention import notices
from providers import audit
from routing.healthnow import health_now

LATEST = 8


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add `notices` that this person can act on, and `changes`; for unfold's DASHBOARD_CALLBACK."""
    now = timezone.now()
    may_audit = request.user.has_perm("providers.view_auditentry")
    return {
        **context,
        "title": "Overview",
        "notices": [notice for notice in notices(now, health_now()) if request.user.has_perm(notice.permission)],
        "changes": audit.latest(LATEST) if may_audit else [],
        "checked_at": now,
    }
