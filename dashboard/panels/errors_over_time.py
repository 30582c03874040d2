"""When did attempts fail, how, and where?"""

from msgspec import Struct
from msgspec.structs import replace

from dashboard.behind import failures_in
from dashboard.charts import Chart, Series, coloured
from dashboard.colours import COLOURS, colours_of
from dashboard.formatting import count
from dashboard.groups import Tabs, chosen, tabs
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from providers.errorwords import in_words
from usage.selectors import Attempts, attempt_series

GROUPS = ("class", "deployment")


class ErrorsOverTime(Struct, frozen=True):
    tabs: Tabs
    chart: Chart | None
    attempts: int
    shown: int
    groups: int


class ErrorsOverTimePanel(Panel):
    """Failed attempts per bucket by class of error, or by deployment."""

    name = "errors_over_time"
    title = "When did attempts fail?"
    unit = "failed attempts"
    page = "reliability"
    order = 20
    formula = (
        "Every call that ended neither in an answer nor because its client left, by the class of its error or by the "
        "deployment. One request may have several; most of them were rescued by the next candidate. A bar leads to the "
        "requests that had such an attempt, in whatever way they ended."
    )

    def groups(self, scope: Scope) -> tuple[str, ...]:
        return GROUPS

    def requests(self, scope: Scope) -> str:
        """Those with such an attempt, where the page is narrowed to one deployment: of all there is no list."""
        one = scope.word("deployment") or (scope.word("provider") and scope.word("model"))
        return failures_in(scope) if one else ""

    def data(self, scope: Scope) -> ErrorsOverTime:
        period, group = scope.period, chosen(scope, GROUPS)
        found = scope.ask(attempt_series, period.buckets, scope.tenant_id)
        called = {name: parts for name, parts in found.items() if scope.fits(name)}
        failed = _by_class(called) if group == "class" else _by_deployment(called)
        ranked = sorted(failed, key=lambda name: (-sum(failed[name]), name))
        made = sum(part.attempts for parts in called.values() for part in parts)
        if not ranked:
            return ErrorsOverTime(tabs(scope, GROUPS), None, made, 0, 0)
        layers: dict[str, tuple[float | None, ...]] = {name: failed[name] for name in ranked[:COLOURS]}
        if len(ranked) > COLOURS:
            layers["Other"] = tuple(map(sum, zip(*(failed[name] for name in ranked[COLOURS:]), strict=True)))
        total, most = sum(map(sum, failed.values())), ranked[0]
        of_most = f"most {_named(group, most)}: {count(sum(failed[most]))}"
        sentence = f"{count(total)} of {count(made)} attempts failed, {of_most}."
        behind = {name: _behind(scope, group, name) for name in ranked[:COLOURS]}
        drawn = coloured(layers, "bar", colours_of(ranked, scope.board.colours), behind)
        series = tuple(map(_worded, drawn)) if group == "class" else drawn
        chart = Chart(self.name, "requests", period.labels, series, sentence, partial=period.partial)
        return ErrorsOverTime(tabs(scope, GROUPS), chart, made, min(len(ranked), COLOURS), len(ranked))


def _named(group: str, name: str) -> str:
    return f"as {in_words(name)} ({name})" if group == "class" else f"at {name}"


def _worded(series: Series) -> Series:
    """The series of a class of error under its plain words."""
    words = in_words(series.label)
    return series if words == series.label else replace(series, label=words, code=series.label)


def _behind(scope: Scope, group: str, name: str) -> tuple[str, ...]:
    """The requests behind each bar of a class or of a deployment."""
    error, deployment = (name, "") if group == "class" else ("", name)
    return tuple(failures_in(scope, part, error=error, deployment=deployment) for part in scope.period.buckets)


def _by_class(called: dict[str, list[Attempts]]) -> dict[str, tuple[int, ...]]:
    """Failed attempts bucket by bucket of each class that there was."""
    cells = list(zip(*called.values(), strict=True))
    classes = {name for parts in called.values() for part in parts for name in part.errors}
    return {name: tuple(sum(part.errors.get(name, 0) for part in cell) for cell in cells) for name in classes}


def _by_deployment(called: dict[str, list[Attempts]]) -> dict[str, tuple[int, ...]]:
    sums = {name: tuple(part.failed for part in parts) for name, parts in called.items()}
    return {name: parts for name, parts in sums.items() if any(parts)}
