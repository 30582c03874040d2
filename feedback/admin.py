"""Admin page of what people said of answers: to read, and of tests."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from feedback.models import Evaluation, Rating
from providers.adminbase import ReadOnlyAdmin
from providers.apartfilter import LeavesOutApart
from tenants.adminrows import RowsInSight, TenantFilter
from tenants.models import apart


@admin.register(Rating)
class RatingAdmin(LeavesOutApart, RowsInSight, ReadOnlyAdmin):
    theirs = apart("tenant__")
    list_display = ["created_at", "tenant", "score", "comment", "answer", "person"]
    list_select_related = ["tenant", "person"]
    list_filter = [("tenant", TenantFilter)]
    search_fields = ["comment"]

    @display(description="Request")
    def answer(self, row: Rating) -> str:
        return f"req_{row.request_id.hex}"


@admin.register(Evaluation)
class EvaluationAdmin(LeavesOutApart, RowsInSight, ReadOnlyAdmin):
    theirs = apart("tenant__")
    list_display = ["created_at", "tenant", "kind", "model", "score", "category", "comment"]
    list_select_related = ["tenant"]
    list_filter = ["kind", ("tenant", TenantFilter)]
    search_fields = ["model", "comment", "category"]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What was asked and answered is for those who may read it."""
        return [] if request.user.has_perm("usage.read_bodies") else ["prompt", "response", "expected"]
