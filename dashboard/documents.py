"""The documentation as it is in `docs/`: each file drawn as HTML, with anchors and links that hold here."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct

FOLDER: Final = Path(settings.BASE_DIR) / "docs"
DECISIONS: Final = "adr"
PLACE: Final = re.compile(r"(?:\./)?((?:adr/)?[\w-]+)\.md(#[\w-]*)?")


class Document(Struct, frozen=True):
    """One file of `docs/`, drawn; `anchors` are the ids of its headings."""

    name: str  # its path without ".md"
    title: str
    body: SafeString
    anchors: frozenset[str]


@cache
def names() -> tuple[str, ...]:
    """Every document, those about decisions last."""
    found = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.md")]
    return tuple(sorted(found, key=lambda name: (name.startswith(DECISIONS), name)))


@cache
def document(name: str) -> Document:
    """Raises `LookupError` for a name that is none of `names`."""
    if name not in names():
        raise LookupError(name)
    # No HTML of a file's own goes through, and no address but http, https and mailto: markdown-it sees to both.
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse((FOLDER / f"{name}.md").read_text())
    anchors = _number(tokens)
    for token in tokens:
        _lead(token.children or (), name)
    title = next((tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"), name)
    html = reader.renderer.render(tokens, reader.options, {})
    scrolled = html.replace("<pre>", '<pre tabindex="0">')  # what scrolls sideways is reached by keys, too
    scrolled = scrolled.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    scrolled = scrolled.replace("</table>", "</table></div>")
    return Document(name, title.replace("`", ""), mark_safe(scrolled), frozenset(anchors))  # noqa: S308


def address(place: str) -> str:
    """Where `name#anchor` is found."""
    name, sharp, anchor = place.partition("#")
    return f"{reverse('dashboard:help', args=[name])}{sharp}{anchor}"


def _number(tokens: list[Token]) -> list[str]:
    """Give each heading the id that GitHub gives it, so that links between files hold in both places."""
    found: list[str] = []
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            slug = re.sub(r"[^\w\- ]", "", tokens[at + 1].content.lower()).replace(" ", "-")
            token.attrSet("id", slug if slug not in found else f"{slug}-{found.count(slug)}")
            found.append(str(token.attrGet("id")))
    return found


def _lead(inline: Any, name: str) -> None:
    """Links to other documents lead to their pages; those to files that are not served become text."""
    dead = False
    for token in inline:
        if token.type == "link_open":
            target = _target(str(token.attrGet("href") or ""), name)
            dead = target is None
            token.attrSet("href", target or "")
        if token.type in ("link_open", "link_close") and dead:
            dead = token.type == "link_open"
            token.type, token.tag, token.nesting, token.hidden, token.content = "text", "", 0, True, ""


def _target(href: str, name: str) -> str | None:
    """Where a link of a document leads here; None: nowhere."""
    if href.startswith(("#", "http://", "https://", "mailto:")):
        return href
    inside = href if not name.startswith(f"{DECISIONS}/") else f"{DECISIONS}/{href}".replace(f"{DECISIONS}/../", "")
    if href.rstrip("/") == DECISIONS:
        return reverse("dashboard:help-index") + "#decisions"
    found = PLACE.fullmatch(inside)
    return address(found[1] + (found[2] or "")) if found and found[1] in names() else None
