"""What the history says on admin pages: rows that it names are not deleted, and who used them in the last hour."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from msgspec import Struct
from msgspec.structs import replace

from providers.models import Deployment, LanguageModel, Provider
from tenants.models import ClientKey, Tenant
from tenants.sight import Sight, sight_of
from usage.selectors import Entities, TimeRange, by, totals

NAMED: Final = 5  # keys that are named; more are counted
MOST_ASKED: Final = 10  # rows of one action whose use is looked up
_WHICH: Final[dict[type[Model], Callable[[Any], Entities]]] = {
    Provider: lambda row: Entities(provider=row.name),
    Deployment: lambda row: Entities(provider=row.provider.name, model=row.model.name),
    LanguageModel: lambda row: Entities(model=row.name),
    Tenant: lambda row: Entities(tenant_id=row.pk),
    ClientKey: lambda row: Entities(tenant_id=row.tenant_id, key_id=row.pk),
}


class Use(Struct, frozen=True):
    """Whether a record that is kept names it, and the keys that sent requests in the last hour."""

    recorded: bool
    keys: int
    names: str
    itself: bool = False  # of a key, which nobody uses but itself

    @property
    def last_hour(self) -> str:
        """`3 keys used it in the last hour: team-a/ci, …`."""
        if not self.keys:
            return "Nobody used it in the last hour."
        if self.itself:
            return "Used in the last hour."
        more = f" and {self.keys - NAMED} more" if self.keys > NAMED else ""
        return f"{self.keys} key{'s' * (self.keys != 1)} used it in the last hour: {self.names}{more}."


def use_of(row: Model, sight: Sight = None) -> Use:
    """Who used a row; keys out of `sight` are not told. What the journal holds still is not in it."""
    which, now = entities_of(row), timezone.now()
    theirs = which if which.tenant_id is not None else replace(which, tenant_id=sight)
    ids = [group.value for group in by("key", _until(now, timedelta(hours=1)), theirs)]
    if not ids:
        return Use(_recorded(which, now) > 0, 0, "")
    keys = ClientKey.objects.filter(pk__in=ids).select_related("tenant")[:NAMED]
    return Use(True, len(ids), ", ".join(map(str, keys)), isinstance(row, ClientKey))


def requests_of_last_hour(row: Model) -> int:
    """How many requests name a row; those in the journal still are not counted."""
    return totals(_until(timezone.now(), timedelta(hours=1)), entities_of(row)).requests


def why_kept(row: Model) -> str:
    """Why a row may not be deleted; empty: no record that is kept names it."""
    if type(row) not in _WHICH:
        return ""
    kept = _recorded(entities_of(row), timezone.now())
    return f"{kept:,} requests in the history name it: take it out of use instead" if kept else ""


class InHistory:
    """Goes before the admin class of a row that records name: such a row is not deleted, and its page says why.

    `word` is the dashboard's word for such a row.
    """

    word = ""
    change_form_after_template = "admin/use.html"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_delete_permission(request, obj)  # type: ignore[misc]
        return may and (not isinstance(obj, tuple(_WHICH)) or not _asked_once(request, obj).recorded)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if (row := context.get("original")) is not None:
            context["use"] = _asked_once(request, row)
            context["requests_url"] = self.requests_url(row)
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def who_would_notice(self, request: HttpRequest, rows: list[Any]) -> str:
        """Who would be cut off."""
        uses = [(row, self.lately(request, row)) for row in rows[:MOST_ASKED]]
        return " ".join(f"{row}: {use}" if len(rows) > 1 else use for row, use in uses)

    def lately(self, request: HttpRequest, row: Any) -> str:
        """Who used one row in the last hour."""
        return _asked_once(request, row).last_hour

    def requests_url(self, row: Any) -> str:
        """The dashboard's list of the requests of a row."""
        return f"{reverse('dashboard:requests')}?{urlencode({'range': '30d', **self.words_of(row)})}"

    def words_of(self, row: Any) -> dict[str, str]:
        """The dashboard's filter for the requests of a row."""
        return {self.word: row.name}


def _asked_once(request: Any, row: Any) -> Use:
    """A page asks several times whether a row may be deleted."""
    held = request.__dict__.setdefault("_uses", {})
    place = (type(row), row.pk)
    if place not in held:
        held[place] = use_of(row, sight_of(request.user))
    return held[place]


def entities_of(row: Model) -> Entities:
    """What the records call a row."""
    return next(which(row) for model, which in _WHICH.items() if isinstance(row, model))


def _recorded(which: Entities, now: datetime) -> int:
    return totals(_until(now, timedelta(days=settings.RECORDS_KEPT_DAYS)), which).requests


def _until(now: Any, span: timedelta) -> TimeRange:
    return TimeRange.around(now - span, now, now)
