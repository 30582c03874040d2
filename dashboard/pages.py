"""Which pages has the dashboard? Their names, their questions, and the filters that each one offers."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from django.urls import get_script_prefix, reverse
from msgspec import Struct

from usage.selectors.requestwords import BOUNDS, UNINDEXED

UNSUMMED: Final = (
    "deployment",
    "status",
    "error",
    "failed",
    "first",
    "served",
    "session",
    "task",
    *UNINDEXED,
)  # filters of lists: no sums are kept by them


class Page(Struct, frozen=True):
    """One page; its panels name it by `page = "<name>"`."""

    name: str
    title: str
    question: str
    path: str
    filters: tuple[str, ...] = ("tenant",)
    further: tuple[str, ...] = ()  # filters that are asked for less, folded behind those
    listed: bool = True  # in the navigation
    ranged: bool = True  # a range of time is chosen for it
    assets: str = ""  # its own script and style sheet in static/dashboard
    ignores: tuple[str, ...] = UNSUMMED  # filters that come along from other pages and change nothing here
    compares: bool = False  # shows the period before beside the range, unless told not to
    letter: str = ""  # after "g", this key opens it
    own: str = ""  # what of this installation it tells, whichever tenant is chosen


NOT_ASKED: Final = ("policy", "key", *UNSUMMED)
ENTITIES: Final = ("tenant", "provider", "model", "policy")

PAGES: Final[Mapping[str, Page]] = {
    page.name: page
    for page in (
        Page("home", "Home", "Is all well, and what needs me?", "", letter="h", compares=True),
        Page(
            "requests",
            "Requests",
            "Which requests?",
            "requests/",
            (*ENTITIES, "key", "status", "error", "task", "tag"),
            further=(*BOUNDS, "streamed", "finish"),
            ignores=(),
            letter="r",
        ),
        Page(
            "live",
            "Live",
            "What runs now?",
            "live/",
            ("tenant", "provider", "model", "deployment"),
            ranged=False,
            ignores=("policy", *(word for word in UNSUMMED if word != "deployment")),
            letter="v",
            assets="live",
        ),
        Page(
            "cost",
            "Cost",
            "Where does the money go?",
            "cost/",
            (*ENTITIES, "key", "tag"),
            ignores=tuple(word for word in UNSUMMED if word != "tag"),
            compares=True,
            letter="c",
        ),
        Page("savings", "Savings", "What did routing save, against what?", "savings/", (*ENTITIES, "key"), letter="s"),
        Page(
            "latency",
            "Latency",
            "How fast, and how bad is the tail?",
            "latency/",
            ("tenant", "provider", "model"),
            ignores=NOT_ASKED,
            letter="l",
        ),
        Page(
            "reliability",
            "Reliability",
            "What failed, and what caught it?",
            "reliability/",
            ("tenant", "provider", "model", "deployment"),
            ignores=tuple(word for word in NOT_ASKED if word != "deployment"),
            letter="e",
        ),
        Page(
            "budgets",
            "Budgets",
            "Will it hold?",
            "budgets/",
            ranged=False,
            ignores=(*NOT_ASKED, "provider", "model"),
            letter="b",
        ),
        Page(
            "usage",
            "My usage",
            "What have I used, and what is left?",
            "usage/",
            letter="u",
        ),
        Page(
            "models",
            "Models",
            "What can be called?",
            "models/",
            ("provider", "model"),
            letter="m",
            own="the models that this installation can call; only requests, cost and times are of the chosen tenant",
        ),
        Page(
            "local",
            "Local",
            "What is in memory, and what fits?",
            "local/",
            (),
            ignores=(*NOT_ASKED, "provider", "model", "tenant"),
            letter="o",
            own="what local servers and GPUs of this installation have in memory",
        ),
        Page(
            "upstreams",
            "Providers",
            "Which upstream is well?",
            "upstreams/",
            ignores=(*NOT_ASKED, "provider", "model"),
            letter="p",
        ),
        Page("request", "Request", "What happened, and why?", "requests/<str:request_id>/", (), listed=False),
    )
}
# No page of panels: `dashboard.playground` draws it.
PLAYGROUND: Final = Page(
    "playground", "Playground", "How do models answer this?", "playground/", (), ranged=False, letter="g"
)
# Neither is this: `dashboard.start`. It is found in the menu of who is signed in.
START: Final = Page("start", "Get started", "Can it answer me?", "start/", (), ranged=False)
DRILL: Final = Page(
    "drill", "Drill", "Would we survive?", "drill/", (), ranged=False, letter="d"
)  # drawn by `dashboard.drills`
NAVIGATION: Final = (*(page for page in PAGES.values() if page.listed), PLAYGROUND, DRILL)


def path_of(view: str) -> str:
    """The address of a view that takes nothing. It is kept: one page has hundreds of links."""
    return _path(view, get_script_prefix())


@cache
def _path(view: str, prefix: str) -> str:
    return reverse(view)
