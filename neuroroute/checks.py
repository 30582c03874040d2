"""`manage.py check` asks what breaks late: huge selects, dear lists, searched secrets; what a proxy needs said."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import flatten, flatten_fieldsets
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError
from django.db.models import ForeignKey

from providers.adminbase import ReadOnlyAdmin
from providers.audit import SECRET_FIELDS
from tenants.attention import email_receivers


@register(Tags.admin)
def admin_pages(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What every page of the admin keeps to, inlines too."""
    return list(problems_of(admin.site._registry.values()))


def problems_of(pages: Iterable[Any]) -> Iterator[CheckMessage]:
    """What is wrong with these pages."""
    for page in pages:
        if not isinstance(page, ReadOnlyAdmin):
            yield from _plain_selects(page)
        yield from _dear_lists(page)
        yield from _searched_secrets(page)
        for inline in page.inlines:
            yield from _plain_selects(inline(page.model, page.admin_site), page.model)


@register(Tags.security)
def reverse_proxy(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Behind TLS that a proxy ends, Django must be told, or the first form that is sent fails with a bare 403."""
    found: list[CheckMessage] = []
    url = urlsplit(settings.PUBLIC_URL)
    origin = f"{url.scheme}://{url.netloc}"
    if url.netloc and not any(_covers(trusted, origin) for trusted in settings.CSRF_TRUSTED_ORIGINS):
        text = (
            f"CSRF_TRUSTED_ORIGINS does not hold {origin}, the origin of PUBLIC_URL: every form sent there gets a 403."
        )
        found.append(
            Error(text, hint=f"Leave it unset, or add it: CSRF_TRUSTED_ORIGINS={origin}", id="neuroroute.E004")
        )
    if url.scheme == "https" and not settings.SECURE_PROXY_SSL_HEADER:
        text = (
            "PUBLIC_URL is https and SECURE_PROXY_SSL_HEADER is empty: behind a proxy every page leads back to itself."
        )
        hint = "Leave it unset, or set SECURE_PROXY_SSL_HEADER=HTTP_X_FORWARDED_PROTO,https"
        found.append(Warning(text, hint=hint, id="neuroroute.W005"))
    return found


@register()
def mail_server(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Who is to be told by e-mail hears nothing where no mail server is set."""
    if settings.EMAIL_HOST:
        return []
    with suppress(DatabaseError):  # it is away, or not migrated yet
        if waiting := email_receivers().count():
            who = f"{waiting} receiver{'s' if waiting > 1 else ''} of alerts by e-mail"
            text = f"{who}, and EMAIL_URL is empty: none of them is told anything."
            hint = "Set EMAIL_URL=smtp+tls://user:password@smtp.example.com:587, or disable these receivers."
            return [Warning(text, hint=hint, id="neuroroute.W006")]
    return []


def _covers(trusted: str, origin: str) -> bool:
    scheme, star, domain = trusted.partition("://*")
    return trusted == origin or (bool(star) and origin.startswith(f"{scheme}://") and origin.endswith(domain))


def _plain_selects(page: Any, parent: Any = None) -> Iterator[CheckMessage]:
    typed = {*page.autocomplete_fields, *page.raw_id_fields, *page.readonly_fields, *(page.exclude or ())}
    declared = getattr(page.form, "declared_fields", {})
    shown = _shown(page)
    for field in page.model._meta.get_fields():
        chosen = isinstance(field, ForeignKey) and field.editable and field.remote_field.model is not parent
        if chosen and field.name not in typed and field.name not in declared and (shown is None or field.name in shown):
            text = f"{field.name} would be a <select> of every {field.remote_field.model._meta.verbose_name}."
            yield Error(text, hint=f"Add '{field.name}' to autocomplete_fields.", obj=type(page), id="neuroroute.E001")


def _shown(page: Any) -> set[str] | None:
    """The fields that a page names; None: all."""
    sets = [*(page.fieldsets or ()), *getattr(page, "add_fieldsets", ())]
    names = [*flatten_fieldsets(sets), *flatten(page.fields or ())]
    return set(names) or None


def _dear_lists(page: Any) -> Iterator[CheckMessage]:
    if page.show_full_result_count or page.show_facets is not ShowFacets.NEVER or page.date_hierarchy:
        text = "The list counts or groups the whole table on every visit."
        yield Error(text, hint="Begin with providers.adminbase.ListedAdmin.", obj=type(page), id="neuroroute.E002")


def _searched_secrets(page: Any) -> Iterator[CheckMessage]:
    for path in page.search_fields:
        if SECRET_FIELDS & set(path.strip("^=@").split("__")):
            yield Error(f"{path} would be searched, and it is a secret.", obj=type(page), id="neuroroute.E003")
