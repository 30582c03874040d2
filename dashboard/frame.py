"""What stands around every page? Its navigation, the bell, the person's preferences, and the keys that lead away."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from dashboard.attention import findings, here
from dashboard.pages import NAVIGATION
from dashboard.preferences import preferences_of, usual_of, views_of
from dashboard.scope import Scope


def frame_of(request: HttpRequest, scope: Scope, section: str) -> dict[str, Any]:
    """What `frame.html` draws; `section` is the name of the entry of the navigation that is lit."""
    kept = preferences_of(request.user)
    return {
        "section": section,
        "lit": next((page.title for page in NAVIGATION if page.name == section), "Pages"),
        "scope": scope,
        "needing": needing(scope),
        "navigation": [(other, scope.link(other.name)) for other in NAVIGATION],
        "preferences": kept,
        "usual": usual_of(kept),
        "views": [(view, f"{reverse(f'dashboard:{view.page}')}?{view.query}") for view in views_of(kept, section)],
    }


def needing(scope: Scope) -> int:
    """The number at the bell: what somebody should look at. No query: the board came with the person."""
    return len(findings(scope.board, here(scope.ask), scope.period.now, scope.sight).open)
