"""What does a page ask for? Its period, filters and place in a list, read from the words of its address."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from msgspec import Struct

from dashboard.ranges import CUSTOM, PRESETS, Period, period_of
from usage.outcomes import Outcome

CARRIED = ("range", "from", "to", "tz", "tenant", "provider", "model")  # kept from page to page
FILTERS = ("tenant", "provider", "model", "policy", "key", "status", "first", "served")
WORDS = ("range", "from", "to", "tz", *FILTERS, "group", "cursor")
LONGEST_WORD = 200


class Scope(Struct, frozen=True):
    """The question of one page view. `record` is the request that a request page is about."""

    page: str
    period: Period
    words: Mapping[str, str]
    now: datetime
    record: Outcome | None = None

    def word(self, name: str) -> str:
        return self.words.get(name, "")

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """The word if it is one of the choices, else the first of them."""
        return self.word(name) if self.word(name) in choices else choices[0]

    @property
    def filtered(self) -> bool:
        return any(name in self.words for name in FILTERS)

    @property
    def unfiltered(self) -> str:
        """This page and range without any filter."""
        return self.here(**dict.fromkeys(FILTERS, ""))

    @property
    def wider(self) -> str:
        """This page over the longest preset."""
        return self.here(range=list(PRESETS)[-1])

    def link(self, page: str, **words: str) -> str:
        """The address of another page for the same period and entities, with `words` set (or, if empty, left out)."""
        kept = {name: value for name, value in self.words.items() if name in CARRIED}
        return _address(page, kept | words)

    def here(self, **words: str) -> str:
        """The address of this page with all its filters, with `words` set (or left out), from the list's start."""
        kept = {name: value for name, value in self.words.items() if name != "cursor"}
        return _address(self.page, kept | words)


def scope_of(page: str, query: Mapping[str, str], now: datetime, record: Outcome | None = None) -> Scope:
    """Keep the words that mean something here; a word that is too long to be a name is dropped."""
    words = {name: query[name] for name in WORDS if query.get(name) and len(query[name]) <= LONGEST_WORD}
    period = period_of(words, now)
    if period.name != CUSTOM:
        words.pop("from", None)
        words.pop("to", None)
    return Scope(page, period, words, now, record)


def _address(page: str, words: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in words.items() if value})
    return reverse(f"dashboard:{page}") + (f"?{query}" if query else "")
