"""A page that lists many things of which somebody ticks some: filtered on the server, and bounded."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from msgspec import Struct
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

MOST_SHOWN: Final = 500  # lines of one page; Django takes a form of 1,000 fields
TICKED: Final = "_ticked"  # the names of the buttons
ALL: Final = "_all"


class Line(Struct, frozen=True):
    """One thing: `value` comes back where it is ticked; without `offered` it is shown and cannot be."""

    value: str
    cells: tuple[str, ...]
    offered: bool = True


class Choice(forms.Form):
    """What came back from the page; `q` is in the first cell of each line that is meant."""

    q = forms.CharField(
        label="Only names that contain", required=False, max_length=200, widget=UnfoldAdminTextInputWidget
    )

    def matching(self, lines: Sequence[Line]) -> list[Line]:
        """The lines that the filter lets through."""
        words = str(self.data.get("q", "")).strip().lower()
        return [line for line in lines if words in line.cells[0].lower()]

    def chosen(self, lines: Sequence[Line]) -> list[str]:
        """The values that somebody chose, by ticking them or by the button for all that match."""
        if ALL in self.data:
            return [line.value for line in self.matching(lines) if line.offered]
        return [line.value for line in lines if line.offered and line.value in self.ticked]

    @property
    def ticked(self) -> set[str]:
        """The values that came back ticked, whether or not there are such lines."""
        return set(self.data.getlist("chosen")) if TICKED in self.data else set()  # type: ignore[attr-defined]

    @property
    def decided(self) -> bool:
        """Whether a button was pressed that does something."""
        return TICKED in self.data or ALL in self.data


def choice_page(
    model_admin: ModelAdmin, request: HttpRequest, choice: Choice, lines: Sequence[Line], **context: Any
) -> HttpResponse:
    """Context: `title`, `told` (sentences above), `columns` (headings), `verb`, `verb_all` (None: no such button; takes
    the number), `ticked` (whether all are at first), `empty` (what a page without lines says), `back`."""
    matching = choice.matching(lines)
    offered = sum(line.offered for line in matching)
    verb_all: Callable[[int], str] | None = context.pop("verb_all", None)
    base = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts, "form": choice, **context}
    first = bool(context.get("ticked")) and not choice.decided
    shown = [(line, first or line.value in choice.ticked) for line in matching[:MOST_SHOWN]]
    counted = {"lines": shown, "count": len(lines), "matching": len(matching), "offered": offered}
    said = {"verb_all": verb_all(offered) if verb_all and offered else "", "cut": len(matching) > MOST_SHOWN}
    response = TemplateResponse(request, "admin/choice.html", {**base, **counted, **said})
    response["Cache-Control"] = "no-store"
    return response
