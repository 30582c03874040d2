"""What price lists propose, in the admin: the difference, to accept or to decline."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from providers import audit
from providers.adminbase import ReadOnlyAdmin, actor_of
from providers.apartfilter import LeavesOutApart, of_provider
from providers.barred import takes
from providers.models import PriceProposal
from providers.prices import UNKNOWN, in_effect
from providers.pricesync import accept, decline, differences

Decision = Callable[[PriceProposal, audit.Actor, datetime], None]


@admin.register(PriceProposal)
class PriceProposalAdmin(LeavesOutApart, ReadOnlyAdmin):
    theirs = of_provider("deployment__provider__")
    list_display = ["deployment", "difference", "state", "reading", "decided_by"]
    list_filter = ["state", "reading__list_name"]
    search_fields = ["deployment__model__name", "deployment__provider__name"]
    fields = ["deployment", "difference", "reading", "state", ("decided_at", "decided_by")]
    readonly_fields = ["difference"]
    actions = ["accept", "decline"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related("reading", "deployment__provider", "deployment__model").prefetch_related(
            "deployment__prices"
        )

    @takes("the right to add prices of deployments")
    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("providers.add_deploymentprice")

    @display(description="Difference to the price in effect")
    def difference(self, row: PriceProposal) -> str:
        if row.state != PriceProposal.State.OPEN:
            return ", ".join(differences(UNKNOWN, row.usd))
        current = in_effect(list(row.deployment.prices.all()), timezone.now())
        return ", ".join(differences(current.usd if current else UNKNOWN, row.usd)) or "none any more"

    @admin.action(description="Accept: it holds from now on", permissions=["decide"])
    def accept(self, request: HttpRequest, queryset: QuerySet[PriceProposal]) -> None:
        self._decide(request, queryset, accept, "accepted")

    @admin.action(description="Decline", permissions=["decide"])
    def decline(self, request: HttpRequest, queryset: QuerySet[PriceProposal]) -> None:
        self._decide(request, queryset, decline, "declined")

    def _decide(self, request: HttpRequest, queryset: QuerySet[PriceProposal], decision: Decision, word: str) -> None:
        rows = list(queryset.filter(state=PriceProposal.State.OPEN))
        now = timezone.now()
        for row in rows:
            decision(row, actor_of(request), now)
        self.message_user(request, f"{len(rows)} {word}.", messages.SUCCESS)
