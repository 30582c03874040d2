"""What did the last check find that needs somebody, and what of it has somebody acknowledged? Read with the person.

The board is one row of JSON that is written whole: by the check every minute (`dashboard.attention`), and by who
acknowledges. It comes along in the query that reads who is signed in, so that no page asks for it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import JSONField, QuerySet, Subquery
from msgspec import Struct
from msgspec.structs import replace

from dashboard.models import AttentionBoard
from providers.attention import Notice

ONLY: Final = 1  # the row's key
LASTS: Final = timedelta(hours=24)  # an acknowledgement
HARM: Final[Mapping[str, int]] = {  # 0: requests fail or are refused now; 2: worth knowing; all others are 1
    **dict.fromkeys(("refused", "failing", "open", "spent"), 0),
    **dict.fromkeys(("setup", "budget", "price", "changed", "unused"), 2),
}
GREW: Final = 1.5  # times the share at stake when it was acknowledged
POINT: Final = 0.01  # of the day: a smaller growth is chance


class Acknowledged(Struct, frozen=True):
    """Who has taken note of a finding, and how bad it was then; `share` None: unknown."""

    by: str
    at: datetime
    until: datetime
    harm: int
    share: float | None = None


class Board(Struct, frozen=True):
    """What was found at `checked_at` (None: nothing was checked yet), and what it is measured by.

    `requests` and `nano_usd` are those of the 24 hours before; `busiest` says how many requests of these the busiest
    providers and deployments (provider/model) served; `revisions` are those of the configuration in the database;
    `colours` are those of entities (`dashboard.colours`).
    """

    checked_at: datetime | None = None
    notices: tuple[Notice, ...] = ()
    more: int = 0  # lesser ones, for which there was no room
    requests: int = 0
    nano_usd: int = 0
    busiest: dict[str, int] = {}
    revisions: dict[str, int] = {}
    acknowledged: dict[str, Acknowledged] = {}
    colours: dict[str, int] = {}

    def requests_of(self, notice: Notice) -> int | None:
        """How many requests of a day are at stake; None: unknown."""
        return notice.requests if notice.requests is not None else self.busiest.get(notice.traffic)

    def share(self, notice: Notice) -> float | None:
        """How much of the day's requests, or of its money, is at stake, 0 to 1 and above; None: unknown."""
        requests = self.requests_of(notice)
        shares = []
        if requests is not None:
            shares.append(requests / self.requests if self.requests else float(requests > 0))
        if notice.nano_usd is not None:
            shares.append(notice.nano_usd / self.nano_usd if self.nano_usd else float(notice.nano_usd > 0))
        return max(shares, default=None)

    def hides(self, notice: Notice, now: datetime) -> Acknowledged | None:
        """The acknowledgement that stands: none that has run out, or is of something less bad."""
        told = self.acknowledged.get(notice.about)
        if told is None or told.until <= now or harm_of(notice) < told.harm:
            return None
        share, before = self.share(notice) or 0.0, told.share or 0.0
        known = told.share is not None
        return None if known and share > GREW * before and share > before + POINT else told


def harm_of(notice: Notice) -> int:
    """0 for the worst."""
    return HARM.get(notice.level, 1)


def with_board(people: QuerySet[Any]) -> QuerySet[Any]:
    """People with the board as `board_told`, in the same query."""
    told = AttentionBoard.objects.filter(pk=ONLY).values("told")[:1]
    return people.annotate(board_told=Subquery(told, output_field=JSONField()))


def board_of(person: Any) -> Board:
    """As it was when the person was read; asked for where another backend read them."""
    return _read(person.board_told) if hasattr(person, "board_told") else board()


def board() -> Board:
    """As it is now."""
    return _read(AttentionBoard.objects.filter(pk=ONLY).values_list("told", flat=True).first())


def change(new: Callable[[Board], Board]) -> Board:
    """Write the board anew from what it says now; two that change it follow one another. Returns what is written."""
    with transaction.atomic():
        AttentionBoard.objects.get_or_create(pk=ONLY)
        row = AttentionBoard.objects.select_for_update().get(pk=ONLY)
        written = new(_read(row.told))
        row.told = msgspec.to_builtins(written)
        row.save()
    return written


def acknowledge(notice: Notice, by: str, now: datetime) -> Acknowledged:
    """Hide a finding until it gets worse, or for a day."""

    def with_it(found: Board) -> Board:
        note = Acknowledged(by, now, now + LASTS, harm_of(notice), found.share(notice))
        return replace(found, acknowledged=found.acknowledged | {notice.about: note})

    return change(with_it).acknowledged[notice.about]


def take_back(about: str) -> None:
    """Show a finding again."""
    change(lambda found: replace(found, acknowledged={k: v for k, v in found.acknowledged.items() if k != about}))


def _read(told: Any) -> Board:
    return msgspec.convert(told, Board) if told else Board()
