"""What failed, and what caught it? From the first choice to who served."""

from msgspec import Struct, structs

from dashboard.drawing import REST, Flow, Link, flow
from dashboard.formatting import share_of
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage import selectors
from usage.selectors import Percentiles
from usage.selectors.requestwords import NOBODY

MOST_LINKS = 12


class FlowData(Struct, frozen=True):
    """`counted` of those `rescued` have their failed attempts' costs summed, `unpriced` of these at least in part
    unknown. `delay` is how long rescued requests waited more."""

    total: int
    failed_over: int
    rescued: int
    share: float | None
    counted: int
    unpriced: int
    cost_nano_usd: int | None
    delay: Percentiles
    filtered: bool
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
        "those whose client left are not among them. It cost: what failed attempts of rescued requests were billed, "
        "as their providers reported it or, where a stream broke off, as we count it; an attempt that failed before "
        "it used up anything was not billed. The delay is that until the attempt began which answered, to about 6 %. "
        "With a filter of provider, model or deployment: requests whose first choice it was or that it served; the "
        "delay is then of those that it served."
    )
    counts = {}

    def data(self, scope: Scope) -> FlowData:
        flows = [one for one in scope.ask(selectors.flow, scope.period.span, scope.tenant_id) if one.first_choice]
        flows = [one for one in flows if scope.fits(one.first_choice) or (one.served and scope.fits(one.served))]
        total, failed_over = (sum(getattr(one, name) for one in flows) for name in ("requests", "failed_over"))
        links = tuple(_link(one, scope) for one in flows)
        rescued, known = sum(one.failed_over for one in flows if one.served), sum(one.rescues for one in flows)
        return FlowData(
            total=total,
            failed_over=failed_over,
            rescued=rescued,
            share=share_of(failed_over, total),
            counted=known,
            unpriced=sum(one.rescues_unpriced for one in flows),
            cost_nano_usd=sum(one.rescue_nano_usd for one in flows) if known or not rescued else None,
            delay=_delay(scope),
            filtered=any(map(scope.word, ("provider", "model", "deployment"))),
            flow=flow(_widest(list(links)), scope.board.colours),
            links=links,
        )

    def table(self, data: FlowData, scope: Scope) -> Table:
        columns = tuple(map(Column, ("First choice", "Served by", "Requests", "Failed over")))
        rows = ((link.first, link.served or "nobody", link.requests, link.failed_over) for link in data.links)
        return Table(columns, rows)


def _delay(scope: Scope) -> Percentiles:
    """Of those that were served after a failover, by whom the filters leave."""
    provider, _, model = scope.word("deployment").partition("/")
    (found,) = selectors.percentiles(
        "failover_delay",
        scope.period.span,
        tenant_id=scope.tenant_id,
        provider=scope.name("provider") or provider or None,
        model=scope.name("model") or model or None,
    )
    return found


def _link(one: selectors.Flow, scope: Scope) -> Link:
    # Both ends say whom it is about: a filter of who served, carried along, would leave out those that another rescued.
    ends = {"first": one.first_choice, "served": one.served or NOBODY}
    address = scope.link("requests", **ends, provider="", model="")
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
