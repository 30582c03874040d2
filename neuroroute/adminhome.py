"""The first page of the admin: what needs somebody, and who changed what lately."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from dashboard.attention import notices
from providers import audit
from routing.healthnow import health_now
from tenants.sight import sight_of

LATEST = 8


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add `notices` that this person can act on, and `changes`; for unfold's DASHBOARD_CALLBACK."""
    now, sight = timezone.now(), sight_of(request.user)
    may_audit = sight is None and request.user.has_perm("providers.view_auditentry")
    return {
        **context,
        "title": "Overview",
        "notices": [each for each in notices(now, health_now(), sight) if request.user.has_perm(each.permission)],
        "changes": audit.latest(LATEST) if may_audit else [],
        "checked_at": now,
    }
