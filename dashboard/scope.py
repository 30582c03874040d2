"""What does a page ask for? Its period, filters and place in a list, read from the words of its address."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from django.urls import reverse
from msgspec import Struct, field

from dashboard.accepted import LIVE, UNCOMPARED, accepted, named
from dashboard.board import Board
from dashboard.pages import PAGES, path_of
from dashboard.ranges import CUSTOM, LAST_MONTH, PRESETS, RANGES, Period, Usual, period_of
from tenants.selectors import key_named, tenant_names
from tenants.sight import Sight
from usage.outcomes import Outcome
from usage.selectors import Entities, Whose, nearest
from usage.selectors.requestwords import UNINDEXED, name_said

P = ParamSpec("P")
T = TypeVar("T")

CARRIED = (
    "range",
    "from",
    "to",
    "tz",
    "tenant",
    "provider",
    "model",
    "policy",
    "key",
    "compare",
    "live",
)  # kept from page to page
FILTERS = (
    *("tenant", "provider", "model", "policy", "key"),
    *("deployment", "status", "error", "failed", "first", "served", "session", "task", *UNINDEXED),
)
WORDS = (
    *("range", "from", "to", "tz", "compare", *FILTERS),
    *("group", "sort", "percentile", "baseline", "whose", "cursor", "live"),
)
FLEETING = ("cursor", "live")  # of a look at a page, not of what it asks
SUMMED_BY_TAG = "cost"  # the page
AROUND = timedelta(hours=2)  # of the nearest hour, where no preset reaches it
NO_SUCH = -3  # an id that no tenant or key has, and that means nothing to `usage.selectors.whose` either


class Chip(Struct, frozen=True):
    """A filter in use, with the address of the page without it."""

    label: str
    value: str
    address: str

    @property
    def named(self) -> str:
        """Its word, as people read it."""
        return named(self.label)


class Nearest(Struct, frozen=True):
    """The hour nearest to a range in which requests came, and a page that shows it."""

    hour: datetime
    verb: str
    address: str
    inside: bool  # the range has requests, though none of those that a panel is about


class Scope(Struct, frozen=True):
    """The question of one page view. `record` is the request that a request page is about.

    `tenants` are those that who looks may see; `sight` says the same as ids, None: every one.
    """

    page: str
    period: Period
    words: Mapping[str, str]
    tenants: Mapping[int, str]
    record: Outcome | None = None
    answers: dict[Any, Any] = field(default_factory=dict)
    may: Callable[[str], bool] = lambda permission: True  # whether who looks has a permission in the admin
    alone: bool = False  # one panel is asked for by itself
    sight: Sight = None
    samples: frozenset[str] = frozenset()  # the names of those tenants that hold sample traffic
    person: int | None = None  # who looks
    reads: bool = False  # who looks has asked to read what was said, and the audit log has it
    board: Board = field(default_factory=Board)  # what needs somebody, as it was read with the person
    problems: tuple[str, ...] = ()  # what was wrong with the address, a sentence each

    def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer of a selector; panels of one page that ask the same share it."""
        key = (question, args, tuple(kwargs.items()))
        if key not in self.answers:
            self.answers[key] = question(*args, **kwargs)
        return self.answers[key]

    @property
    def entities(self) -> Entities:
        """Whose requests, as the selectors of sums understand it."""
        names = self.name("provider"), self.name("model"), self.name("policy")
        return Entities(self.tenant_id, self.key_id, *names, self.tag)

    @property
    def tag(self) -> str | None:
        """The tag that sums are of: on the page that has them, where no filter but the tenant's is beside it."""
        alone = not any(self.word(name) for name in ("key", "provider", "model", "policy"))
        return self.name("tag") if self.page == SUMMED_BY_TAG and alone else None

    @property
    def unused(self) -> tuple[str, ...]:
        """The filters in use that change nothing on this page, for no sum of it is kept by them."""
        page = PAGES.get(self.page)
        ignored = (*(page.ignores if page else ()), *(("tag",) if page and page.name == SUMMED_BY_TAG else ()))
        return tuple(
            word for word in FILTERS if self.word(word) and word in ignored and not (word == "tag" and self.tag)
        )

    @property
    def unused_names(self) -> tuple[str, ...]:
        """The same as people read them."""
        return tuple(map(named, self.unused))

    @property
    def tenant_id(self) -> Whose:
        """The tenant of the address; without one, whatever who looks may see."""
        name = self.word("tenant")
        return next((pk for pk, known in self.tenants.items() if known == name), NO_SUCH) if name else self.sight

    @property
    def sample(self) -> bool:
        """Whether what is shown is sample traffic."""
        return (self.record.tenant if self.record else self.word("tenant")) in self.samples

    @property
    def key_id(self) -> int | None:
        """A key by its number, its prefix, or `tenant/name`; `NO_SUCH` for what is none of those in sight."""
        word = self.word("key")
        if not word:
            return None
        if word.isdecimal():
            return int(word) if len(word) < 19 else NO_SUCH
        found = self.ask(key_named, word, self.sight)
        return NO_SUCH if found is None else found

    def name(self, word: str) -> str | None:
        """A name to filter by: None is no filter, '' those that have none."""
        return name_said(self.word(word))

    def fits(self, deployment: str) -> bool:
        """Whether the filters of provider, model and deployment that the page knows leave `provider/model`."""
        ignored = PAGES[self.page].ignores
        wanted = ["" if name in ignored else self.word(name) for name in ("provider", "model", "deployment")]
        provider, _, model = deployment.partition("/")
        return all(word in ("", part) for word, part in zip(wanted, (provider, model, deployment), strict=True))

    def word(self, name: str) -> str:
        return self.words.get(name, "")

    @property
    def filtered(self) -> bool:
        return any(name in self.words for name in FILTERS)

    @property
    def first_to_be_empty(self) -> bool:
        """Whether no panel of this page has said yet why nothing is there: once is enough."""
        said, self.answers["why it is empty"] = "why it is empty" in self.answers, True
        return not said

    @property
    def unfiltered(self) -> str:
        """This page and range without any filter."""
        return self.here(**dict.fromkeys(FILTERS, ""))

    @property
    def filters(self) -> list[Chip]:
        """The filters in use, each with the address of this page without it."""
        return [Chip(name, self.word(name), self.here(**{name: ""})) for name in FILTERS if self.word(name)]

    @property
    def narrowing(self) -> list[Chip]:
        """Those of them that change what this page shows."""
        return [chip for chip in self.filters if chip.label not in self.unused]

    @property
    def nearest(self) -> Nearest | None:
        """Where requests are, for a range that has none; None: there are none at all."""
        found = self.ask(nearest, self.period.span, self.tenant_id)
        if found is None:
            return None
        fitting = next((name for name, length in PRESETS.items() if self.period.now - length <= found), None)
        inside = self.period.start < found + timedelta(hours=1) and found < self.period.end
        if fitting and self.period.name != fitting:
            return Nearest(found, f"Show {RANGES[fitting]}", self.here(range=fitting), inside)
        words = {"range": CUSTOM, "from": instant(found - AROUND), "to": instant(found + AROUND)}
        return Nearest(found, "Show them", self.here(**words), inside)

    def link(self, page: str, **words: str) -> str:
        """The address of another page for the same period and entities, with `words` set (or, if empty, left out)."""
        carried = CARRIED if self.tag is None else (*CARRIED, "tag")
        kept = {name: value for name, value in self.words.items() if name in carried}
        return _address(page, kept | words)

    @property
    def shared(self) -> str:
        """This page as its address has it: a relative range stays relative."""
        return self.here(live="")

    @property
    def fixed(self) -> str:
        """This page for the instants that it shows now, whenever it is opened."""
        return self.here(
            **{"range": CUSTOM, "from": instant(self.period.start), "to": instant(self.period.end), "live": ""}
        )

    def here(self, **words: str) -> str:
        """The address of this page with all its filters, with `words` set (or left out), from the list's start."""
        kept = {name: value for name, value in self.words.items() if name != "cursor"}
        return _address(self.page, kept | words)

    @property
    def compares(self) -> bool:
        """Whether the period before is shown beside this one: it is, unless the address has it off."""
        return self.word("compare") != UNCOMPARED

    @property
    def runs(self) -> bool:
        """Whether its range ends now, so that its figures can change under the reader."""
        return self.period.name not in (CUSTOM, LAST_MONTH)

    @property
    def live(self) -> bool:
        return self.word("live") == LIVE and self.runs

    @property
    def parts_address(self) -> str:
        """Where the panels of this page are asked for anew."""
        return _queried(reverse("dashboard:parts", args=[self.page]), self.words)

    def panel_address(self, panel: str) -> str:
        """Where one panel of this page stands by itself, with all filters."""
        return _queried(reverse("dashboard:panel", args=[self.page, panel]), self.words)

    def csv_address(self, panel: str, without: tuple[str, ...] = ()) -> str:
        """Where one panel's table is to be had as a file, with all filters but those that it does not know."""
        words = {name: value for name, value in self.words.items() if name not in without}
        return _queried(reverse("dashboard:csv", args=[self.page, panel]), words)

    @property
    def behind_all(self) -> str:
        """The list of the requests that all filters leave, those among them that this page does not know."""
        return _address("requests", {name: value for name, value in self.words.items() if name in (*CARRIED, *FILTERS)})


def scope_of(
    page: str,
    query: Mapping[str, str],
    now: datetime,
    record: Outcome | None = None,
    may: Callable[[str], bool] = lambda permission: True,
    sight: Sight = None,
    tenants: Mapping[int, str] | None = None,
    usual: Usual = Usual(),  # noqa: B008 - frozen
) -> Scope:
    """Keep the words that mean something here; what is dropped is told in `problems`.

    `tenants` are the names of those in `sight`, looked up where they are not known yet.
    """
    words, wrong = accepted(query, WORDS)
    period = period_of(words, now, usual)
    if period.name != CUSTOM:
        words.pop("from", None)
        words.pop("to", None)
    tenants = tenant_names(sight) if tenants is None else tenants
    problems = tuple(filter(None, (period.problem, *wrong)))
    return Scope(page, period, words, tenants, record, may=may, sight=sight, problems=problems)


def instant(when: datetime) -> str:
    """A time as an address writes it: whole minutes, in UTC, whatever the zone of the page."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _address(page: str, words: Mapping[str, str]) -> str:
    return _queried(path_of(f"dashboard:{page}"), words)


def _queried(address: str, words: Mapping[str, str]) -> str:
    query = "&".join([_quoted(name, value) for name, value in words.items() if value])
    return address + (f"?{query}" if query else "")


@lru_cache(maxsize=4096)
def _quoted(name: str, value: str) -> str:
    """One word of an address. A page has hundreds of links, whose words are nearly all the same."""
    return urlencode({name: value})
