"""The first page of the admin: what needs somebody, and who changed what lately."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from profiling import attention as jobs
from providers import attention as upstreams
from providers import audit
from routing import attention as health
from tenants import attention as access

LATEST = 8


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add `notices` that this person can act on, and `changes`; for unfold's DASHBOARD_CALLBACK."""
    now = timezone.now()
    found = [*upstreams.notices(), *health.notices(), *access.notices(now), *jobs.notices(now)]
    may_audit = request.user.has_perm("providers.view_auditentry")
    return {
        **context,
        "title": "Overview",
        "notices": [notice for notice in found if request.user.has_perm(notice.permission)],
        "changes": audit.latest(LATEST) if may_audit else [],
        "checked_at": now,
    }
