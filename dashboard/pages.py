"""Which pages has the dashboard? Their names, their questions, and the filters that each one offers."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class Page(Struct, frozen=True):
    """One page; its panels name it by `page = "<name>"`."""

    name: str
    title: str
    question: str
    path: str
    filters: tuple[str, ...] = ("tenant",)
    listed: bool = True  # in the navigation
    ranged: bool = True  # a range of time is chosen for it
    assets: str = ""  # its own script and style sheet in static/dashboard


ENTITIES: Final = ("tenant", "provider", "model", "policy")

PAGES: Final[Mapping[str, Page]] = {
    page.name: page
    for page in (
        Page("home", "Home", "Is all well?", ""),
        Page("requests", "Requests", "Which requests?", "requests/", (*ENTITIES, "status")),
        Page("live", "Live", "What runs now?", "live/", ranged=False, assets="live"),
        Page("cost", "Cost", "Where does the money go?", "cost/", ("tenant", "provider", "model")),
        Page("savings", "Savings", "What did routing save, against what?", "savings/", ENTITIES),
        Page("latency", "Latency", "How fast, and how bad is the tail?", "latency/", ("tenant", "provider", "model")),
        Page("reliability", "Reliability", "What failed, and what caught it?", "reliability/"),
        Page("budgets", "Budgets", "Will it hold?", "budgets/", ranged=False),
        Page("models", "Models", "What can be called?", "models/", ("provider", "model")),
        Page("local", "Local", "What is in memory, and what fits?", "local/", ()),
        Page("upstreams", "Providers", "Which upstream is well?", "upstreams/"),
        Page("request", "Request", "What happened, and why?", "requests/<str:request_id>/", (), listed=False),
    )
}
# No page of panels: `dashboard.playground` draws it.
PLAYGROUND: Final = Page("playground", "Playground", "How do models answer this?", "playground/", (), ranged=False)
NAVIGATION: Final = (*(page for page in PAGES.values() if page.listed), PLAYGROUND)
