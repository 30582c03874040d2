"""How does the dashboard look to a person? What they chose, checked, and how it is kept."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction
from msgspec import Struct

from dashboard.models import Preferences
from dashboard.pages import PAGES
from dashboard.ranges import DEFAULT, RANGES, Usual
from dashboard.scope import FLEETING, WORDS

MOST_VIEWS: Final = 40
LONGEST_NAME: Final = 60
LONGEST_QUERY: Final = 2000


class View(Struct, frozen=True):
    """A question under a name: a page with the words of its address."""

    page: str
    name: str
    query: str


def preferences_of(user: Any) -> Preferences:
    """The person's own, or the empty ones of who chose nothing."""
    return getattr(user, "preferences", None) or Preferences(user=user)


def usual_of(preferences: Preferences) -> Usual:
    """What an address means to them that names no range or zone; a choice that is no longer offered is none."""
    span, zone = preferences.range, preferences.zone
    return Usual(span if span in RANGES else DEFAULT, zone or Usual().zone)


def views_of(preferences: Preferences, page: str) -> list[View]:
    """The saved views of one page, in the order of saving."""
    return [View(**kept) for kept in preferences.views if kept["page"] == page]


def choose(user: Any, theme: str, zone: str, span: str, shortcuts: bool) -> None:
    """Keep how it looks. Raises `ValidationError` with what is wrong, by field."""
    wrong = {
        "theme": theme not in Preferences.Theme.values and f"{theme!r} is not one of: light, dark, or none.",
        "zone": zone and zone not in available_timezones() and f"{zone!r} is not a time zone, e.g. Europe/Berlin.",
        "range": span and span not in RANGES and f"{span!r} is not one of {', '.join(RANGES)}.",
    }
    if problems := {field: problem for field, problem in wrong.items() if problem}:
        raise ValidationError(problems)

    def change(kept: Preferences) -> None:
        kept.theme, kept.zone, kept.range, kept.shortcuts = theme, zone, span, shortcuts

    _keep(user, change)


def has_begun(user: Any) -> None:
    """Remember that a request was recorded; it stays so, and no page has to ask again."""
    if not preferences_of(user).begun:
        _keep(user, lambda kept: setattr(kept, "begun", True))


def save_view(user: Any, page: str, name: str, query: str) -> View:
    """Keep a question under a name; one of that page with the same name is replaced. Raises `ValidationError`."""
    if page not in PAGES or not PAGES[page].listed:
        raise ValidationError(f"page={page!r} is no page whose view can be saved.")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValidationError(f"A view needs a name of 1 to {LONGEST_NAME} characters.")
    view = View(page, name, _words(query))

    def change(kept: Preferences) -> None:
        others = [one for one in kept.views if (one["page"], one["name"]) != (page, name)]
        if len(others) >= MOST_VIEWS:
            raise ValidationError(f"{MOST_VIEWS} views are kept at most: remove one first.")
        kept.views = [*others, {"page": page, "name": name, "query": view.query}]

    _keep(user, change)
    return view


def remove_view(user: Any, page: str, name: str) -> None:
    """Forget a view; one that is not there is gone already."""

    def change(kept: Preferences) -> None:
        kept.views = [one for one in kept.views if (one["page"], one["name"]) != (page, name)]

    _keep(user, change)


def _words(query: str) -> str:
    """Those words of an address that ask something; where a list stood and whether it ran is not part of a question."""
    words: Mapping[str, str] = dict(parse_qsl(query[:LONGEST_QUERY]))
    return urlencode({name: words[name] for name in WORDS if words.get(name) and name not in FLEETING})


def _keep(user: Any, change: Callable[[Preferences], None]) -> None:
    """Two windows of one person may save at once: the row is locked, or made."""
    with transaction.atomic():
        Preferences.objects.get_or_create(user=user)
        kept = Preferences.objects.select_for_update().get(user=user)
        change(kept)
        kept.save()
    user.preferences = kept
