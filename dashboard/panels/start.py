"""Can it answer me? The first question where nothing has been asked yet: what this is, and one button."""

from msgspec import Struct

from dashboard.pages import START
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import series


class Start(Struct, frozen=True):
    first_use: bool  # no request is recorded, of whatever time


class StartPanel(Panel):
    """The way to *Get started*, until a request is recorded."""

    name = "start"
    title = START.question
    page = "home"
    order = 1
    formula = (
        "This stands here until the first request of the tenants that you see is recorded, of whatever time. Sample "
        "traffic is none of them."
    )

    def data(self, scope: Scope) -> Start:
        return Start(not scope.narrowing and not _came(scope) and scope.nearest is None)

    def stands(self, data: Start) -> bool:
        return data.first_use


def _came(scope: Scope) -> bool:
    """As the tiles ask it, so that where requests came nothing more is asked."""
    parts = scope.ask(series, (scope.period.before, *scope.period.buckets), scope.entities)
    return any(part.requests for part in parts)
