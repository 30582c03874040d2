"""What does the admin's palette (Ctrl+K) find? Its own pages and rows, and what the dashboard's search finds."""

import hashlib
from typing import Any

from django.contrib import admin
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from unfold.dataclasses import SearchResult

from dashboard.palette import LONGEST, called
from dashboard.views import scope_for
from tenants.sight import sight_of

ICON = "monitoring"  # the dashboard's in the sidebar


def search(request: HttpRequest) -> HttpResponse:
    """As unfold's, which would keep an answer for five minutes: over a new key, and over the end of a right."""
    term = request.GET.get("s", "").lower()
    digest = hashlib.sha256(f"{request.user.pk}_{term}".encode()).hexdigest()
    cache.delete(f"unfold_search_{digest}")
    site: Any = admin.site  # unfold's
    answer: HttpResponse = site.search(request)
    return answer


def on_dashboard(request: HttpRequest, term: str) -> list[SearchResult]:
    """What the dashboard's search finds for this person, who sees there what tenants in sight have; for COMMAND."""
    sight, text = sight_of(request.user), term.strip()[:LONGEST]
    if not request.user.is_staff or not text or (sight is not None and not sight):
        return []
    groups = called(text, scope_for(request, "home"))
    return [
        SearchResult(title=hit.name, description=f"{group.title} - {hit.note}", link=hit.address, icon=ICON)
        for group in groups
        for hit in group.hits
    ]
