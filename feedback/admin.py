"""Admin page of what people said of answers: to read, and of tests."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from feedback.models import Evaluation, Rating
from providers.adminbase import ReadOnlyAdmin


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "tenant", "score", "comment", "answer"]
    list_select_related = ["tenant"]
    list_filter = [("tenant", AutocompleteSelectFilter)]
    search_fields = ["comment"]

    @display(description="Request")
    def answer(self, row: Rating) -> str:
        return f"req_{row.request_id.hex}"


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "tenant", "kind", "model", "score", "category", "comment"]
    list_select_related = ["tenant"]
    list_filter = ["kind", ("tenant", AutocompleteSelectFilter)]
    search_fields = ["model", "comment", "category"]
