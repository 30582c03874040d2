"""What does the page of what runs now say? The workers' answer as rows, figures and two curves, ready to be drawn."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final
from urllib.parse import urlencode

import msgspec
from django.urls import reverse
from msgspec import Struct

from dashboard.charts import Chart, Series, Unit
from dashboard.formatting import age, count, rate
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from routing.inflight import asking
from routing.inflight.asking import MINUTES, STEP_S, STEPS, Live
from routing.inflight.ending import RIGHT
from routing.inflight.telling import InFlight, Wanted
from tenants.sight import Sight
from usage.ids import WIRE_PREFIX

LATELY: Final = 5  # steps: the figure of "now" is of the last twenty seconds
LATELY_S: Final = LATELY * STEP_S
PER_S, RUNNING = "live_rate", "live_running"
NOBODY_COUNTED: Final = "not known yet, the workers have just begun"
NOT_KNOWN_SO: Final = "counted as they begin, before anybody is asked, so not by provider, model or deployment"


class Row(Struct, frozen=True):
    """A request in flight. `word` is its state as it is shown: of a whole answer nobody awaits a first token."""

    flight: InFlight
    wire_id: str
    began: datetime
    age: str
    word: str


class LivePage(Struct, frozen=True):
    """All that the page shows; `version` is equal while nothing has changed but the time."""

    live: Live
    wanted: Wanted
    rows: tuple[Row, ...]
    now: datetime
    per_s: float | None  # lately
    may_cancel: bool
    address: str  # of the parts that change
    requests: str  # the address of what has ended
    version: str

    @property
    def now_ms(self) -> int:
        return round(self.now.timestamp() * 1000)

    @property
    def oldest(self) -> Row | None:
        return self.rows[0] if self.rows else None

    @property
    def charts(self) -> tuple[Chart, Chart]:
        return rate_chart(self.live, self.wanted), running_chart(self.live)


def live_page(scope: Scope) -> LivePage:
    """What runs of all that the address asks for, and who looks may see."""
    wanted = Wanted(scope.key_id, scope.name("provider"), scope.name("model"), scope.name("deployment"))
    live = scope.ask(asking.live, sight_of(scope), wanted)
    now, may_cancel = scope.period.now, scope.may(RIGHT)
    rows = tuple(_row(flight, now) for flight in live.rows)
    requests = scope.link("requests", deployment=scope.word("deployment"))
    version = _version(live, may_cancel)
    return LivePage(live, wanted, rows, now, _lately(live), may_cancel, _address(scope), requests, version)


def sight_of(scope: Scope) -> Sight:
    """The tenants of the address as ids."""
    whose = scope.tenant_id
    return frozenset({whose}) if isinstance(whose, int) else whose


def rate_chart(live: Live, wanted: Wanted) -> Chart:
    """Requests begun per second."""
    known = [value for value in live.per_s if value is not None]
    unknown = NOBODY_COUNTED if wanted.by_bearer else NOT_KNOWN_SO
    said = f"{rate(_mean(known))} on average, {rate(max(known))} at most" if known else unknown
    sentence = f"Requests begun per second, last {MINUTES} minutes: {said}."
    return _curve(PER_S, "rate", "Requests per second", live.per_s, 0, sentence)


def running_chart(live: Live) -> Chart:
    """Requests in flight at the end of each step."""
    known = [value for value in live.running if value is not None]
    said = f"{count(known[-1])} at the end, {count(max(known))} at most" if known else NOBODY_COUNTED
    sentence = f"Requests in flight, last {MINUTES} minutes: {said}."
    return _curve(RUNNING, "requests", "In flight", live.running, 2, sentence)


def curve_table(chart: Chart) -> Table:
    """A curve for a spreadsheet: how long ago, and how much."""
    (series,) = chart.series
    ago = [-(STEPS - number) * STEP_S for number in range(STEPS)]
    return Table((Column("Seconds from now"), Column(series.label)), list(zip(ago, series.values, strict=True)))


def _row(flight: InFlight, now: datetime) -> Row:
    began = datetime.fromtimestamp(flight.began_us / 1e6, UTC)
    word = "working" if flight.state == "waiting" and not flight.stream else flight.state
    return Row(flight, f"{WIRE_PREFIX}{flight.id}", began, age((now - began).total_seconds() * 1000), word)


def _address(scope: Scope) -> str:
    return f"{reverse('dashboard:live_now')}?{urlencode(scope.words)}"


def _lately(live: Live) -> float | None:
    known = [value for value in live.per_s[-LATELY:] if value is not None]
    return _mean(known) if known else None


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _version(live: Live, may_cancel: bool) -> str:
    return blake2b(msgspec.json.encode((live, may_cancel)), digest_size=12).hexdigest()


def _curve(name: str, unit: Unit, label: str, values: tuple[float | None, ...], colour: int, sentence: str) -> Chart:
    """Labelled by how long ago a step began, so that a curve of zeros stays the same while time passes."""
    labels = tuple(_ago((STEPS - number) * STEP_S) for number in range(STEPS))
    return Chart(name, unit, labels, (Series(label, values, colour, "line"),), sentence, stacked=False, marks=MINUTES)


def _ago(seconds: int) -> str:
    return f"−{seconds // 60}:{seconds % 60:02d}"
