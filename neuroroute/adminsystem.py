"""The admin's system page: jobs, journal, revisions, backups, settings; and the configuration as a file."""

from datetime import time
from typing import Final

from django.conf import settings as django_settings
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from neuroroute import systemfacts
from neuroroute.jobs.backup import CopyDatabase
from profiling.jobs import job_kinds
from profiling.schedules import set_daily
from providers import audit, revisions
from providers.adminbase import actor_of
from routing.api.operator.config import KINDS, YAML
from routing.configfile.exporting import export
from tenants.rightwords import right_said
from tenants.sight import sight_of

RIGHT: Final = "profiling.view_system"
PLAN: Final = "django_celery_beat.change_periodictask"
EXPORTS: Final = tuple(kind.format("view") for kind in KINDS)  # as the operator's API asks for


@require_safe
@permission_required(RIGHT, raise_exception=True)
def system(request: HttpRequest) -> HttpResponse:
    """Everything on one page; what cannot be known now says so."""
    now = timezone.now()
    context = {
        **admin.site.each_context(request),
        "title": "System",
        "now": now,
        "jobs": systemfacts.jobs(now),
        "journal": systemfacts.journal(),
        "configuration": systemfacts.configuration(),
        "backups": systemfacts.copies(),
        "daily_copy": (daily := systemfacts.daily_copy()),
        "next_copy": daily.next_at(now),
        "copies_kept": django_settings.BACKUP_KEEP,
        "may_plan": request.user.has_perm(PLAN),
        "settings": systemfacts.settings_in_force(),
        "may_see_jobs": request.user.has_perm("profiling.view_job"),
        "export_refusal": _export_refusal(request),
    }
    return TemplateResponse(request, "admin/system.html", context)


@require_safe
@permission_required(RIGHT, raise_exception=True)
def jobs(request: HttpRequest) -> HttpResponse:
    """The part of the page that is asked for again every few seconds."""
    now = timezone.now()
    seen = request.user.has_perm("profiling.view_job")
    context = {"jobs": systemfacts.jobs(now), "now": now, "may_see_jobs": seen}
    return TemplateResponse(request, "admin/system_jobs.html", context)


@require_POST
@permission_required((RIGHT, PLAN), raise_exception=True)
def daily_copy(request: HttpRequest) -> HttpResponse:
    """Copy the database each day at `at` (HH:MM, UTC), or, where that is empty, no more by itself."""
    text = request.POST.get("at", "")
    try:
        at = time.fromisoformat(text) if text else None
    except ValueError:
        return HttpResponse(f"at={text!r} is no time of day, e.g. 03:30.", "text/plain; charset=utf-8", 422)
    set_daily(job_kinds()[CopyDatabase.name], at, actor_of(request), request.POST.get("reason", "")[:500])
    said = f"The database is copied each day at {at:%H:%M} UTC." if at else "The database is copied by hand only."
    messages.success(request, said)
    return HttpResponseRedirect(reverse("system") + "#backups")


@require_POST
@permission_required((RIGHT, *EXPORTS), raise_exception=True)
def configuration(request: HttpRequest) -> HttpResponse:
    """What `manage.py export` writes, as a file; the audit log keeps who took it and at which revisions."""
    if refusal := _export_refusal(request):
        return HttpResponse(refusal, "text/plain; charset=utf-8", 403)
    now, numbers = timezone.now(), revisions.numbers()
    text = export()
    at = ", ".join(f"{part} {number}" for part, number in sorted(numbers.items()))
    audit.record_named(actor_of(request), "exported", "configuration", f"revisions: {at or 'none'}", {})
    name = f"neuroroute-{now:%Y%m%dT%H%M%SZ}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(text, YAML, headers=headers)


def _export_refusal(request: HttpRequest) -> str:
    """Why this person gets no file; empty: they do."""
    if sight_of(request.user) is not None:
        return "The whole configuration is for those who see every tenant."
    missing = [right for right in EXPORTS if not request.user.has_perm(right)]
    return f"This takes the right to {right_said(missing[0])}." if missing else ""
