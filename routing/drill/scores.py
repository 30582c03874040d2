"""How did each scenario go? One score per scenario, from all its takes."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from routing.drill.scenario import Scenario, Scene


class Score(Struct, frozen=True):
    """A line of the scorecard. Times are the slowest take's; None: there was nothing to measure."""

    scenario: str
    title: str
    means: str
    passed: bool
    why: str
    first_content_ms: float | None
    failover_ms: float | None
    total_ms: float


def score(scenario: Scenario, scenes: Sequence[Scene]) -> Score:
    """Judge the takes of a scenario: it has passed when each has."""
    complaints = [(scene, text) for scene in scenes for text in scenario.complaints(scene)]
    asked = [heard for scene in scenes for heard in scene.heard]
    return Score(
        scenario=scenario.name,
        title=scenario.title,
        means=scenario.means,
        passed=not complaints,
        why=_why(complaints) if complaints else _well(scenes),
        first_content_ms=_longest(h.first_content_s * 1000 for h in asked if h.first_content_s is not None),
        failover_ms=_longest(ms for scene in scenes for ms in failovers_ms(scene)),
        total_ms=_longest(h.total_s * 1000 for h in asked) or 0.0,
    )


def failovers_ms(scene: Scene) -> Iterable[float]:
    """For each request that went elsewhere: from its first attempt to the first on another deployment."""
    for story in scene.stories:
        attempts = story["attempts"]
        others = [a["started_ms"] for a in attempts if a["deployment"] != attempts[0]["deployment"]]
        if others:
            yield others[0] - attempts[0]["started_ms"]


def _why(complaints: Sequence[tuple[Scene, str]]) -> str:
    """The first complaint in full; the rest is counted."""
    scene, text = complaints[0]
    way = f"{scene.take.suffix}: " if scene.take.suffix else ""
    more = len(complaints) - 1
    return f"{way}{text}" + (f" And {more} more complaint{'s' if more > 1 else ''}." if more else "")


def _well(scenes: Sequence[Scene]) -> str:
    asked = [heard for scene in scenes for heard in scene.heard]
    answered = sum(heard.error is None and heard.status == 200 for heard in asked)
    failed = sum(
        attempt["status"] != "answered" for s in scenes for story in s.stories for attempt in story["attempts"]
    )
    told = f"{answered} of {len(asked)} requests answered, {failed} attempts failed"
    cut = sum(heard.error is not None for heard in asked)
    marked = sum(heard.recovered for heard in asked)
    return told + (f", {cut} told so" if cut else "") + (f", {marked} recovered" if marked else "") + "."


def _longest(times: Iterable[float]) -> float | None:
    return max((round(each, 1) for each in times), default=None)
