"""Fill in a page's form as a browser would: the fields that were rendered, with what they held."""

from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

Pairs = dict[str, str | None]


class FormReader(HTMLParser):
    """Collects the named fields of the form with the given id (None: every form) as lists of values."""

    def __init__(self, form_id: str | None) -> None:
        super().__init__()
        self.form_id, self.inside = form_id, form_id is None
        self.fields: dict[str, list[str]] = {}
        self.open_select = self.open_textarea = ""
        self.text = ""

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        attrs: Pairs = dict(pairs)
        if tag == "form" and self.form_id:
            self.inside = attrs.get("id") == self.form_id
        name = attrs.get("name") or ""
        if not self.inside:
            return
        if tag == "input" and name:
            self._input(name, attrs)
        elif tag == "select":
            self.open_select = name
        elif tag == "option" and self.open_select and "selected" in attrs:
            self.fields.setdefault(self.open_select, []).append(attrs.get("value") or "")
        elif tag == "textarea":
            self.open_textarea, self.text = name, ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.open_textarea:
            self.fields.setdefault(self.open_textarea, []).append(self.text.removeprefix("\n"))
            self.open_textarea = ""
        elif tag == "select":
            self.open_select = ""
        elif tag == "form" and self.form_id:
            self.inside = False

    def handle_data(self, data: str) -> None:
        self.text += data

    def _input(self, name: str, attrs: Pairs) -> None:
        kind = attrs.get("type", "text")
        if kind in ("submit", "button", "file") or (kind in ("checkbox", "radio") and "checked" not in attrs):
            return
        self.fields.setdefault(name, []).append(attrs.get("value") or ("on" if kind == "checkbox" else ""))


def fields_of(response: HttpResponse, form_id: str | None = None) -> dict[str, list[str]]:
    """What the page's form would send if nothing were touched."""
    reader = FormReader(form_id)
    reader.feed(response.content.decode())
    return reader.fields


def fill(client: Client, address: str, form_id: str | None, **values: Any) -> HttpResponse:
    """Open `address`, type `values` (None removes a field) and save; the answer to the POST."""
    fields = fields_of(client.get(address), form_id)
    data = {name: held for name, held in (fields | values).items() if held is not None}
    return client.post(address, {**data, "_save": "Save"})


def page(name: str, kind: str, *args: object) -> str:
    """The address of a model's page, e.g. `page("tenants_tenant", "change", 1)`."""
    return reverse(f"admin:{name}_{kind}", args=args)
