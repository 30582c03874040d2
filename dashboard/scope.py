"""What does a page ask for? Its period, filters and place in a list, read from the words of its address."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from msgspec import Struct
from usage.outcomes import Outcome

from dashboard.ranges import Period, period_of

CARRIED = ("range", "from", "to", "tz", "tenant", "provider", "model")  # kept from page to page
WORDS = (*CARRIED, "policy", "key", "status", "first", "served", "group", "cursor")
LONGEST_WORD = 200


class Scope(Struct, frozen=True):
    """The question of one page view. `record` is the request that a request page is about."""

    period: Period
    words: Mapping[str, str]
    now: datetime
    record: Outcome | None = None

    def word(self, name: str) -> str:
        return self.words.get(name, "")

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """The word if it is one of the choices, else the first of them."""
        return self.word(name) if self.word(name) in choices else choices[0]

    def link(self, page: str, **words: str) -> str:
        """The address of another page with the same period and entities, and with `words` set."""
        kept = {name: self.words[name] for name in CARRIED if name in self.words}
        query = urlencode({name: value for name, value in (kept | words).items() if value})
        return reverse(f"dashboard:{page}") + (f"?{query}" if query else "")


def scope_of(query: Mapping[str, str], now: datetime, record: Outcome | None = None) -> Scope:
    """Keep the words that mean something here; a word that is too long to be a name is dropped."""
    words = {name: query[name] for name in WORDS if query.get(name) and len(query[name]) <= LONGEST_WORD}
    return Scope(period_of(words, now), words, now, record)
