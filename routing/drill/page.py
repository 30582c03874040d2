"""The page of the drill in admin: the scorecard of one, what was before, and the button that starts another."""

from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from msgspec import Struct

from providers.adminbase import actor_of
from routing.drill import history
from routing.drill.scenario import scenarios
from routing.drill.scores import Score
from routing.models import DrillRun

SHOWN: Final = 10
VIEW, START = "routing.view_drillrun", "routing.add_drillrun"


class Line(Struct, frozen=True):
    """A scenario on the card; `score` None: it is not over yet."""

    name: str
    title: str
    means: str
    score: Score | None


class Card(Struct, frozen=True):
    """One drill as the page shows it."""

    row: DrillRun
    state: str
    passed: int
    lines: list[Line]

    @property
    def live(self) -> bool:
        return self.state in ("waits", "runs")


def drill_page(request: HttpRequest) -> HttpResponse:
    """GET shows `?run=`, or the latest; POST queues a drill."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    if request.method == "POST":
        return _start(request)
    cards = [_card(row) for row in DrillRun.objects.all()[:SHOWN]]
    chosen = [_card(row) for row in DrillRun.objects.filter(pk__in=_numbers(request.GET.get("run", "")))] or cards[:1]
    context = {
        **admin.site.each_context(request),
        "title": "Resilience drill",
        "card": chosen[0] if chosen else None,
        "cards": cards,
        "live": any(card.live for card in cards),
        "may_start": request.user.has_perm(START),
    }
    return TemplateResponse(request, "admin/drill.html", context, headers={"Cache-Control": "no-store"})


def _start(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(START):
        raise PermissionDenied
    if history.ask(actor_of(request)) is None:
        messages.warning(request, "A drill waits or runs already: look at it below.")
    else:
        messages.success(request, "The drill is queued; a worker begins within seconds. It takes about two minutes.")
    return HttpResponseRedirect(reverse("drill"))


def _card(row: DrillRun) -> Card:
    known, found = scenarios(), {score.scenario: score for score in history.scores(row)}
    lines = [_line(name, found.get(name), known.get(name)) for name in row.scenarios]
    return Card(row, history.state(row, timezone.now()), sum(score.passed for score in found.values()), lines)


def _line(name: str, score: Score | None, known: Any) -> Line:
    """A scenario of an older version may be gone; its score still knows its title."""
    source = score or known
    return Line(name, source.title if source else "", source.means if source else "", score)


def _numbers(text: str) -> list[int]:
    """The one that is asked for; none where it cannot be one."""
    return [int(text)] if text.isdecimal() and len(text) < 19 else []
