"""What is a panel? One question, answered by a frozen struct and drawn by one template of the same name."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from msgspec import Struct

from dashboard.accepted import named
from dashboard.documents import address
from dashboard.groups import refused
from dashboard.pages import PAGES
from dashboard.scope import Scope
from dashboard.tables import Table, chart_table
from usage.outcomes import Outcome


class Panel(ABC):
    """Answer one question about a scope; `templates/dashboard/panels/<name>.html` draws the answer as `data`."""

    name: ClassVar[str]
    title: ClassVar[str]  # the question
    unit: ClassVar[str] = ""
    page: ClassVar[str]  # one of dashboard.pages.PAGES
    order: ClassVar[int] = 100
    width: ClassVar[Literal["full", "half"]] = "full"
    frame: ClassVar[bool] = True  # False: its parts have frames of their own
    formula: ClassVar[str] = ""  # how the numbers are made, shown on demand
    help: ClassVar[str] = ""  # where docs/ says more, `file#heading`; empty: the section of its page in dashboard.md
    file: ClassVar[str] = "These numbers as a file"  # what its CSV is
    counts: ClassVar[Mapping[str, str] | None] = None  # filters of the requests behind it; None: it counts none

    @abstractmethod
    def data(self, scope: Scope) -> Struct:
        """Ask the selectors, return numbers; called once per page view."""

    def stands(self, data: Any) -> bool:
        """Whether it has its place on the page; one that has not is hidden, and comes or goes with the answer."""
        return True

    def table(self, data: Any, scope: Scope) -> Table | None:
        """The same answer in rows and columns, offered as CSV; by default that of its chart. None: it has none."""
        chart = getattr(data, "chart", None)
        return chart_table(chart, scope.period) if chart else None

    def requests(self, scope: Scope) -> str:
        """The address of the requests that it counts, offered beside its title. Empty: it counts none."""
        return scope.link("requests", **self.counts) if self.counts is not None else ""

    def groups(self, scope: Scope) -> Sequence[str]:
        """By what it can be grouped under these filters; empty: it is not grouped."""
        return ()

    def unused(self, scope: Scope) -> tuple[str, ...]:
        """The words in use that change nothing in its table; by default the filters that its page does not know."""
        return (*scope.unused, *refused(scope, self.groups(scope)))

    def note(self, scope: Scope) -> str:
        """Which filters its figures do not know, beyond those of which its page says so; empty: none."""
        return ""

    @property
    def documentation(self) -> str:
        """The address of the section that says more."""
        return address(self.help or f"dashboard#{PAGES[self.page].title.lower().replace(' ', '-')}")

    @property
    def template(self) -> str:
        return f"dashboard/panels/{self.name}.html"


def whatever(words: Iterable[str], what: str = "") -> str:
    """The sentence that says which filters `what` (all figures of a panel) does not know; empty: none."""
    names = ", ".join(map(named, words))
    return f"{what or 'Counted'} whatever their {names}." if names else ""


class RequestPanel(Panel):
    """A panel of the page about one request."""

    page = "request"

    def data(self, scope: Scope) -> Struct:
        if scope.record is None:
            raise LookupError("This panel stands on the page of one request.")
        return self.about(scope.record, scope)

    @abstractmethod
    def about(self, record: Outcome, scope: Scope) -> Struct:
        """What this panel says about the request."""
