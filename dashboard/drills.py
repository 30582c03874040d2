"""The page of the resilience drill: the scorecard of one beside the one before, and what starts another."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import staff_form, staff_only
from dashboard.frame import frame_of
from dashboard.pages import DRILL
from dashboard.tables import Column, Table, csv_lines
from dashboard.views import scope_for
from profiling.jobs import job_kinds
from profiling.schedules import schedule_of, set_schedule
from providers.adminbase import actor_of
from routing.drill import history
from routing.drill.cards import compared, latest
from routing.jobs.drill_by_schedule import DrillBySchedule
from routing.models import DrillRun
from tenants.rightwords import right_said

VIEW, START, PLAN = "routing.view_drillrun", "routing.add_drillrun", "django_celery_beat.change_periodictask"
SCHEDULES: Final[Mapping[str, tuple[str, timedelta | None]]] = {
    "never": ("never", None),
    "day": ("every day", timedelta(days=1)),
    "week": ("every week", timedelta(days=7)),
}
HEADS: Final = ("Fault", "Title", "Expected", "Result", "Seen", "Before")
TIMES: Final = ("First content", "Failover", "Total")


@staff_form
def page(request: HttpRequest, name: str = DRILL.name) -> HttpResponse:
    """GET shows `?run=`, or the latest; POST queues a drill. Who may see none is told who can change that."""
    if request.method == "POST":
        _require(request, VIEW)
        _require(request, START)
        asked = history.ask(actor_of(request))
        return HttpResponseRedirect(reverse("dashboard:drill") + ("" if asked else "?said=already"))
    now, scope = timezone.now(), scope_for(request, DRILL.name)
    may_view = request.user.has_perm(VIEW)
    cards, wanted = (latest(now), request.GET.get("run", "")) if may_view else ([], "")
    row = _row(int(wanted)) if wanted.isdecimal() and len(wanted) < 19 else cards[0].row if cards else None
    context = {
        **frame_of(request, scope, DRILL.name),
        "page": DRILL,
        "card": compared(row, now) if row else None,
        "cards": cards,
        "live": any(card.live for card in cards),
        "took_ms": next((card.took_ms for card in cards if card.took_ms and len(card.lines) == card.over), None),
        "may_view": may_view,
        "may_start": may_view and request.user.has_perm(START),
        "already": request.GET.get("said") == "already",
        **_plan(request),
    }
    return render(request, "dashboard/drill.html", context)


@require_safe
@staff_only
@never_cache
def card(request: HttpRequest, run: int) -> HttpResponse:
    """The scorecard alone: what the page asks for again while the drill runs."""
    _require(request, VIEW)
    shown = compared(_row(run), timezone.now())
    answer = render(request, "dashboard/drill_card.html", {"card": shown, "alone": True})
    if not shown.live:
        answer["HX-Refresh"] = "true"  # it is over: the button and the history change too
    return answer


@require_safe
@staff_only
def results(request: HttpRequest, run: int) -> HttpResponse:
    """One drill as a file."""
    _require(request, VIEW)
    shown = compared(_row(run), timezone.now())
    columns = (*map(Column, HEADS), *(Column(head, "ms") for head in TIMES))
    lines = csv_lines(Table(columns, [_cells(line) for line in shown.lines]), timezone.get_current_timezone())
    headers = {"Content-Disposition": f'attachment; filename="drill-{run}.csv"'}
    return HttpResponse("".join(lines), content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
@staff_only
def schedule(request: HttpRequest) -> HttpResponse:
    """Drill every day, every week, or never by schedule."""
    _require(request, VIEW)
    _require(request, PLAN)
    chosen = SCHEDULES.get(request.POST.get("every", ""))
    if chosen is None:
        return HttpResponse(f"every: one of {', '.join(SCHEDULES)}", status=422, content_type="text/plain")
    set_schedule(job_kinds()[DrillBySchedule.name], chosen[1], actor_of(request), request.POST.get("reason", ""))
    return HttpResponseRedirect(reverse("dashboard:drill"))


def _require(request: HttpRequest, right: str) -> None:
    if not request.user.has_perm(right):
        raise PermissionDenied(
            f"This takes the right to {right_said(right)}. The role operator has it, and an owner can give it."
        )


def _row(run: int) -> DrillRun:
    found = DrillRun.objects.filter(pk=run).first()
    if found is None:
        raise Http404(f"There is no drill {run}; the last {history.KEPT} are kept.")
    return found


def _plan(request: HttpRequest) -> dict[str, Any]:
    """How often it runs by itself, and the choices."""
    task = schedule_of(job_kinds()[DrillBySchedule.name])
    current = "never"
    if task is not None and task.enabled:
        every = task.interval.schedule.run_every if task.interval else None
        current = next((name for name, (_, period) in SCHEDULES.items() if period == every), "")
    choices = [(name, label) for name, (label, _) in SCHEDULES.items()]
    return {"schedules": choices, "scheduled": current, "may_plan": request.user.has_perm(PLAN)}


def _cells(line: Any) -> tuple[Any, ...]:
    before = "" if line.before is None else "passed" if line.before.passed else "failed"
    if line.score is None:
        return (line.name, line.title, line.means, "", "", before, None, None, None)
    score, result = line.score, "passed" if line.score.passed else "failed"
    times = (score.first_content_ms, score.failover_ms, score.total_ms)
    return (line.name, line.title, line.means, result, score.why, before, *times)
