"""Where do the points of an inline drawing stand? Pure geometry: sparklines and the flow of first choices."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from dashboard.colours import OTHER, Kept, colours_of

SPARK_WIDTH, SPARK_HEIGHT = 120.0, 30.0
FLOW_WIDTH, NODE_WIDTH, LABEL_WIDTH = 1100.0, 10.0, 300.0
LONGEST_LABEL = 34  # characters of a name
ROW_HEIGHT, ROW_GAP = 16.0, 10.0  # so that labels do not touch
FLOW_HEIGHT = 190.0  # of all links together
REST = "Other"
THINNEST = 2.0  # so that one request in a million is still seen


def sparkline(values: Sequence[float | None]) -> str:
    """The `points` of a polyline from zero, or the least value below it, to the greatest; gaps are left out."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, top = min(0.0, *known), max(0.0, *known)
    height = top - low or 1.0
    step = SPARK_WIDTH / (len(values) - 1)
    return " ".join(
        f"{i * step:.1f},{SPARK_HEIGHT - 1 - (value - low) / height * (SPARK_HEIGHT - 2):.1f}"
        for i, value in enumerate(values)
        if value is not None
    )


def area(points: str) -> str:
    """The `points` of a polygon between a sparkline and its ground."""
    if not points:
        return ""
    pairs = points.split()
    return f"{pairs[0].split(',')[0]},{SPARK_HEIGHT:.0f} {points} {pairs[-1].split(',')[0]},{SPARK_HEIGHT:.0f}"


class Link(Struct, frozen=True):
    """So many requests whose first choice was one and that another served; `served` "" is nobody."""

    first: str
    served: str
    requests: int
    failed_over: int = 0
    address: str = ""


class Ribbon(Struct, frozen=True):
    """A link as a curve."""

    link: Link
    colour: int
    path: str
    thickness: float


class Node(Struct, frozen=True):
    """A deployment on one side of the flow."""

    name: str
    colour: int
    requests: int
    x: float
    y: float
    height: float
    text_x: float

    @property
    def label(self) -> str:
        return self.name if len(self.name) <= LONGEST_LABEL else f"{self.name[: LONGEST_LABEL - 1]}…"

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


class Flow(Struct, frozen=True):
    left: tuple[Node, ...]
    right: tuple[Node, ...]
    ribbons: tuple[Ribbon, ...]
    height: float


def flow(links: Sequence[Link], kept: Kept) -> Flow:
    """Place first choices on the left, those who served on the right, and a ribbon per link, as wide as its share."""
    scale = FLOW_HEIGHT / (sum(link.requests for link in links) or 1)
    busiest = sorted(links, key=lambda link: -link.requests)
    colours = colours_of((name for link in busiest for name in (link.first, link.served)), kept)
    right_x = FLOW_WIDTH - LABEL_WIDTH - NODE_WIDTH
    left = _column([(link.first, link.requests) for link in links], colours, LABEL_WIDTH, LABEL_WIDTH - 8, scale)
    right = _column([(link.served, link.requests) for link in links], colours, right_x, right_x + NODE_WIDTH + 8, scale)
    foot = max((node.y + node.height for node in (*left, *right)), default=0.0)
    return Flow(tuple(left), tuple(right), tuple(_ribbons(links, left, right, scale)), foot + 12)


def _column(
    shares: list[tuple[str, int]], colours: dict[str, int], x: float, text_x: float, scale: float
) -> list[Node]:
    sums: dict[str, int] = {}
    for name, requests in shares:
        sums[name] = sums.get(name, 0) + requests
    nodes, y = [], 12.0
    for name, requests in sorted(sums.items(), key=lambda item: -item[1]):
        height = sum(_thickness(share, scale) for other, share in shares if other == name)
        nodes.append(Node(name, colours.get(name, OTHER), requests, x, y, height, text_x))
        y += max(height, ROW_HEIGHT) + ROW_GAP
    return nodes


def _thickness(requests: int, scale: float) -> float:
    return max(requests * scale, THINNEST)


def _ribbons(links: Sequence[Link], left: list[Node], right: list[Node], scale: float) -> Iterable[Ribbon]:
    from_y = {node.name: node.y for node in left}
    to_y = {node.name: node.y for node in right}
    colours = {node.name: node.colour for node in right}
    x1, x2 = LABEL_WIDTH + NODE_WIDTH, FLOW_WIDTH - LABEL_WIDTH - NODE_WIDTH
    for link in sorted(links, key=lambda item: (to_y[item.served], from_y[item.first])):
        thickness = _thickness(link.requests, scale)
        y1, y2 = from_y[link.first] + thickness / 2, to_y[link.served] + thickness / 2
        from_y[link.first] += thickness
        to_y[link.served] += thickness
        yield Ribbon(link, colours[link.served], _curve(x1, y1, x2, y2), thickness)


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (x1 + x2) / 2
    return f"M{x1:.1f},{y1:.1f} C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
