"""Which verbs of an admin page are closed to who looks, and what would open them? They are shown switched off."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django.contrib.admin.utils import model_format_dict
from django.http import HttpRequest, HttpResponse
from msgspec import Struct

Gate = Callable[..., bool]


class Barred(Struct, frozen=True):
    """Verbs that one right would open."""

    verbs: tuple[str, ...]
    takes: str  # "the right to rotate client keys"


def takes(words: str) -> Callable[[Gate], Gate]:
    """Mark a `has_..._permission` whose name does not say what it takes: `the right to change {rows}`."""

    def marked(gate: Gate) -> Gate:
        gate.takes = words  # type: ignore[attr-defined]
        return gate

    return marked


class TellsBarred:
    """Goes before the classes of unfold: lists and forms end with the verbs that are closed to who looks."""

    list_after_template = "admin/barred.html"
    change_form_outer_after_template = "admin/barred.html"
    closed: ClassVar[frozenset[str]] = frozenset()  # permissions that no right gives, for machines write the rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {**(extra_context or {}), "barred": grouped(self._barred_in_list(request))}
        return super().changelist_view(request, context)  # type: ignore[misc]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if (row := context.get("original")) is not None:
            context["barred"] = grouped(self._barred_on_form(request, row))
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def _barred_in_list(self, request: HttpRequest) -> Iterator[tuple[str, str]]:
        page: Any = self
        if not page.has_add_permission(request) and "add" not in self.closed:
            yield "Add", self._takes("add")
        open_ = {one.action_name for one in page.get_actions_list(request)}
        for one in page._get_base_actions_list():
            if one.action_name not in open_:
                yield one.description, self._takes(*one.method.allowed_permissions)
        allowed = page._filter_actions_by_permissions(request, page._get_base_actions())
        names = {name for _, name, _ in allowed}
        for act, name, words in page._get_base_actions():
            needed = getattr(act, "allowed_permissions", ())
            if name not in names and not self.closed.intersection(needed):
                yield words % model_format_dict(page.opts), self._takes(*needed)

    def _barred_on_form(self, request: HttpRequest, row: Any) -> Iterator[tuple[str, str]]:
        page: Any = self
        open_ = {one.action_name for one in page.get_actions_detail(request, row.pk)}
        for one in page._get_base_actions_detail():
            if one.action_name not in open_:
                yield one.description, self._takes(*one.method.allowed_permissions)

    def _takes(self, *permissions: str) -> str:
        gates = [(name, getattr(self, f"has_{name}_permission")) for name in permissions]
        words = (getattr(gate, "takes", f"the right to {name} {{rows}}") for name, gate in gates)
        return " and ".join(words).format(rows=self.opts.verbose_name_plural)  # type: ignore[attr-defined]


def grouped(barred: Iterator[tuple[str, str]]) -> list[Barred]:
    """Verbs and what each takes, those that take the same together."""
    found: dict[str, list[str]] = {}
    for verb, words in barred:
        found.setdefault(words, []).append(verb)
    return [Barred(tuple(verbs), words) for words, verbs in found.items()]
