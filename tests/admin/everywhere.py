"""Every address below /admin/, found from the routes themselves, so that a page that is added is visited, too."""

from collections.abc import Iterator

from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.urls.resolvers import RegexPattern, RoutePattern

ENDS = {"logout", "jsi18n", "view_on_site"}  # nobody's page


def names() -> Iterator[str]:
    """Every named route of the admin, with its namespace."""
    for entry in get_resolver().url_patterns:
        if str(entry.pattern).startswith("admin"):
            yield from _below(entry, "")


def _below(entry: URLPattern | URLResolver, space: str) -> Iterator[str]:
    if isinstance(entry, URLResolver):
        for inner in entry.url_patterns:
            yield from _below(inner, f"{entry.namespace}:" if entry.namespace else space)
    elif entry.name and isinstance(entry.pattern, RoutePattern | RegexPattern):
        yield f"{space}{entry.name}"


def addresses() -> dict[str, list[str]]:
    """The addresses of each named route, with rows that are there."""
    found = {}
    for name in names():
        if name.rpartition(":")[2] not in ENDS:
            found[name] = [address for arguments in _arguments(name) if (address := _at(name, arguments))]
    return found


def _arguments(name: str) -> Iterator[tuple[object, ...]]:
    """What a route may need: nothing, a row, a row and its tab, an app, a version of a policy."""
    yield ()
    if name == "admin:app_list":
        yield from ((app,) for app in {model._meta.app_label for model in admin.site._registry})
    yield ("no-id",)
    for model in admin.site._registry:
        mine = name.startswith(f"admin:{model._meta.app_label}_{model._meta.model_name}_")
        if mine and (row := model._base_manager.order_by("pk").last()):
            yield (row.pk,)
            yield from ((row.pk, tab) for tab in _tabs(model))
    if name.startswith("admin:routing_policy_"):
        yield "balanced", 1


def _tabs(model: type[Model]) -> set[str]:
    kinds = getattr(admin.site._registry[model], "change_form_datasets", ())
    return {kind.model._meta.model_name for kind in kinds} | {"requestrecord"}


def _at(name: str, arguments: tuple[object, ...]) -> str:
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""


def choices() -> Iterator[dict[str, str]]:
    """What each field that one chooses in by typing asks for."""
    for model, page in admin.site._registry.items():
        for field in page.get_autocomplete_fields(None):  # type: ignore[arg-type]
            meta = model._meta
            yield {"app_label": meta.app_label, "model_name": str(meta.model_name), "field_name": field}


def questions(operator: Client) -> Iterator[tuple[str, str]]:
    """Each list's address with each verb that can be done to chosen rows; what it answers has done nothing yet."""
    for model, page in admin.site._registry.items():
        where = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        yield from ((where, name) for _, name, _ in page._get_base_actions())  # type: ignore[attr-defined]
