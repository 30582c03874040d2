"""What is called like that? Pages, tenants, keys, models and requests, as far as who asks may see them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from msgspec import Struct

from dashboard.access import staff_only
from dashboard.choices import NEAREST, Choice, nearly, offered
from dashboard.documents import address, document, names
from dashboard.frame import frame_of
from dashboard.pages import NAVIGATION, START
from dashboard.scope import Scope
from dashboard.views import scope_for
from providers.neighbours import Neighbours
from providers.selectors import aliases_called
from tenants.selectors import keys_called
from usage import ids, selectors

MOST_HITS: Final = 8  # of one kind: who wants more types on
LONGEST: Final = 100
NAMED: Final = (  # filters, the page that each leads to, and what is to be seen there
    ("tenant", "home", "its figures"),
    ("model", "models", "in the catalogue"),
    ("provider", "requests", "its requests"),
    ("policy", "requests", "its requests"),
)


class Hit(Struct, frozen=True):
    name: str
    note: str
    address: str


class Group(Struct, frozen=True):
    title: str
    hits: tuple[Hit, ...]


@require_safe
@staff_only
def find(request: HttpRequest) -> HttpResponse:
    """What was found, as a page, of which the palette takes a part. The id of a request leads straight to it."""
    text = (request.GET.get("q") or request.GET.get("id") or "").strip()[:LONGEST]
    key = ids.parse(text)
    if key and not request.headers.get("HX-Request"):
        return HttpResponseRedirect(reverse("dashboard:request", args=[f"{ids.WIRE_PREFIX}{key.hex}"]))
    scope = scope_for(request, "home")
    groups = called(text, scope) or [*_near(text, scope)]
    return render(request, "dashboard/find.html", frame_of(request, scope, "") | {"q": text, "groups": groups})


def called(text: str, scope: Scope) -> list[Group]:
    """What is called like `text` of what the person of `scope` sees, by kind; the admin's palette asks it, too."""
    return [group for group in _groups(text, scope) if group.hits]


def _groups(text: str, scope: Scope) -> Iterator[Group]:
    if ids.parse(text):
        yield Group("Request", tuple(_request(text, scope)))
        return
    yield Group("Requests", tuple(_begun(text, scope)))
    yield Group("Pages", tuple(_pages(text, scope)))
    if not text:
        return
    yield Group("Documentation", tuple(_documents(text)))
    yield Group("Keys", tuple(_keys(text, scope)))
    for word, page, note in NAMED:
        title = f"{word.removesuffix('y')}ies" if word.endswith("y") else f"{word}s"
        yield Group(title.capitalize(), _hits(offered(word, text, scope), scope, page, word, note))
    yield Group("Aliases", tuple(_aliases(text, scope)))


def _near(text: str, scope: Scope) -> Iterator[Group]:
    """What somebody may have meant who mistyped it: asked only where nothing is called like that."""
    titles = {hit.name: hit for hit in _all_pages(scope)}
    hits = [titles[name] for name in Neighbours(titles).near(text, NEAREST)]
    for word, page, note in NAMED:
        hits += _hits(nearly(word, text, scope), scope, page, word, f"{word}, {note}")
    if hits:
        yield Group("Did you mean", tuple(hits))


def _request(text: str, scope: Scope) -> Iterator[Hit]:
    if found := selectors.find(text, scope.sight):
        yield _hit(f"{ids.WIRE_PREFIX}{found.id}", found)


def _begun(text: str, scope: Scope) -> Iterator[Hit]:
    return (_hit(str(found), found) for found in selectors.begun_with(text, scope.sight, MOST_HITS))


def _hit(wire_id: str, found: Any) -> Hit:
    """Of a request, as a record or as its whole story."""
    note = f"{found.status}, {found.asked_model}, {found.tenant}"
    return Hit(wire_id, note, reverse("dashboard:request", args=[wire_id]))


def _pages(text: str, scope: Scope) -> Iterator[Hit]:
    return (hit for hit in _all_pages(scope) if _like(text, hit.name, hit.note))


def _all_pages(scope: Scope) -> Iterator[Hit]:
    yield from (Hit(page.title, page.question, scope.link(page.name)) for page in (*NAVIGATION, START))
    yield Hit("Settings", "Theme, zone, range and keys, for you", reverse("dashboard:settings"))
    if scope.sight is None:
        yield Hit("Invoices", "Do providers bill what we recorded?", reverse("dashboard:invoices"))
    yield Hit("Admin", "Providers, tenants, keys, policies", reverse("admin:index"))
    yield Hit("Documentation", "What it does and how it is run, to read", reverse("dashboard:help-index"))
    yield Hit("API", "What applications and scripts call", reverse("docs"))
    yield Hit("Start page", "Lines to send a first request", reverse("welcome"))


def _keys(text: str, scope: Scope) -> Iterator[Hit]:
    for key in keys_called(text, scope.sight, MOST_HITS):
        yield Hit(f"{key.prefix}…", f"{key.tenant}/{key.name}, its requests", scope.link("requests", key=str(key.id)))


def _aliases(text: str, scope: Scope) -> Iterator[Hit]:
    for alias, model in aliases_called(text, MOST_HITS):
        yield Hit(alias, f"leads to {model}, in the catalogue", scope.link("models", model=model))


def _documents(text: str) -> Iterator[Hit]:
    found = (document(name) for name in names())
    hits = (Hit(one.title, f"docs/{one.name}.md", address(one.name)) for one in found)
    return islice((hit for hit in hits if _like(text, hit.name, hit.note)), MOST_HITS)


def _hits(choices: list[Choice], scope: Scope, page: str, word: str, note: str) -> tuple[Hit, ...]:
    """What a filter could be set to, each with the page that shows it."""
    found = [choice.value for choice in choices[:MOST_HITS]]
    return tuple(Hit(name, note, scope.link(page, **{word: name})) for name in found)


def _like(text: str, *names: str) -> bool:
    return any(text.casefold() in name.casefold() for name in names)
