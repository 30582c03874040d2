"""What a form knows of rows: asked of the database once, however often a page says it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import ForeignKey, Model
from django.http import HttpRequest

Told = TypeVar("Told")


def once(method: Callable[[Any, Any], Told]) -> Callable[[Any, Any], Told]:
    """For a column that asks the database: a form reads the same column of a row half a dozen times."""

    @wraps(method)
    def told(page: Any, row: Any) -> Told:
        held = row.__dict__.setdefault("_told", {})
        if method.__qualname__ not in held:
            held[method.__qualname__] = method(page, row)
        answer: Told = held[method.__qualname__]
        return answer

    return told


class KnownSelect(AutocompleteSelect):
    """An autocomplete that names what is chosen without a query, where the form's row has read it along."""

    known: Model | None = None

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        if self.known is None or list(map(str, value)) != [str(self.known.pk)]:
            return super().optgroups(name, value, attr)
        options = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        label = self.choices.field.label_from_instance(self.known)
        options.append(self.create_option(name, self.known.pk, label, True, len(options)))
        return [(None, options, 0)]


class KnownField(forms.ModelChoiceField):
    """A choice of a related row, with a `KnownSelect`."""

    def get_bound_field(self, form: Any, field_name: str) -> Any:
        if (row := getattr(form, "instance", None)) is not None and field_name in row._state.fields_cache:
            select: Any = getattr(self.widget, "widget", self.widget)  # inside the wrapper with its links
            select.known = getattr(row, field_name)
        return super().get_bound_field(form, field_name)


class NamedInRows:
    """Goes before an inline whose fields stand in a table: each is named after its column, for who cannot see it."""

    def get_formset(self, *args: Any, **kwargs: Any) -> Any:
        formset = super().get_formset(*args, **kwargs)  # type: ignore[misc]
        for name, field in formset.form.base_fields.items():
            inner = getattr(field.widget, "widget", field.widget)
            inner.attrs.setdefault("aria-label", str(field.label or name.replace("_", " ").capitalize()))
        return formset


class KnowsRelated:
    """Goes before a form's admin class: what its `autocomplete_fields` hold is named from `select_related`.

    Whoever sees a row is told what it belongs to; what may be chosen instead is the select's own affair.
    """

    admin_site: Any

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs["widget"] = KnownSelect(db_field, self.admin_site, using=kwargs.get("using"))
            kwargs.setdefault("form_class", KnownField)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
