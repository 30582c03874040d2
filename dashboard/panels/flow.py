"""What failed, and what caught it? From the first choice to who served."""

from msgspec import Struct, structs

from dashboard.drawing import REST, Flow, Link, flow
from dashboard.formatting import share_of
from dashboard.panels.base import Panel
from dashboard.scope import NOBODY, Scope
from dashboard.tables import Column, Table
from usage import selectors

MOST_LINKS = 12


class FlowData(Struct, frozen=True):
    total: int
    failed_over: int
    rescued: int
    share: float | None
    flow: Flow
    links: tuple[Link, ...]


class FlowPanel(Panel):
    """First choices on the left, who served on the right."""

    name = "flow"
    title = "What failed, and what caught it?"
    unit = "requests, from the first choice to who served"
    page = "reliability"
    order = 10
    help = "failover#when-an-upstream-fails"
    formula = (
        "A request counts once, by the first candidate of its plan and by who answered it. Refused requests and "
        "those whose client left are not among them."
    )
    counts = {}

    def data(self, scope: Scope) -> FlowData:
        links = [_link(one, scope) for one in selectors.flow(scope.period.span, scope.tenant_id) if one.first_choice]
        total = sum(link.requests for link in links)
        failed_over = sum(link.failed_over for link in links)
        return FlowData(
            total=total,
            failed_over=failed_over,
            rescued=sum(link.failed_over for link in links if link.served),
            share=share_of(failed_over, total),
            flow=flow(_widest(links)),
            links=tuple(links),
        )

    def table(self, data: FlowData, scope: Scope) -> Table:
        columns = tuple(map(Column, ("First choice", "Served by", "Requests", "Failed over")))
        rows = ((link.first, link.served or "nobody", link.requests, link.failed_over) for link in data.links)
        return Table(columns, rows)


def _link(one: selectors.Flow, scope: Scope) -> Link:
    address = scope.link("requests", first=one.first_choice, served=one.served or NOBODY)
    return Link(one.first_choice, one.served, one.requests, one.failed_over, address)


def _widest(links: list[Link]) -> list[Link]:
    """At most twelve links; those of other pairs are drawn between "Other" and "Other"."""
    ranked = sorted(links, key=lambda link: -link.requests)
    rest = ranked[MOST_LINKS - 1 :]
    if len(rest) < 2:
        return ranked
    other = structs.replace(
        rest[0], first=REST, served=REST, requests=sum(link.requests for link in rest), address="#panel-flow"
    )
    return [*ranked[: MOST_LINKS - 1], other]
