"""Two people on one page: who saves second is told what the first changed, and overwrites nothing.

A page carries what it showed as a token: the newest audit row of that time, and a digest of the row and of the rows
that are edited inside it. A save whose digest is another's is refused once; the answer shows the difference and the
new token, so that saving again is a decision.
"""

from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from django.forms.models import _get_foreign_key
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from providers import audit
from providers.models import AuditEntry

FIELD: Final = "_seen"
MOST_TOLD: Final = 10  # changes in one message


class SeenForm:
    """Goes before a change form's class; `page`, `request` and `row` are set where the class is made."""

    page: Any
    request: HttpRequest
    row: Model
    overtaken = False

    def clean(self) -> Any:
        cleaned = super().clean()  # type: ignore[misc]
        token = self.request.POST.get(FIELD, "")
        stored = _stored(self.row, lock=True)
        if token and (stored is None or _digest(token) != _digest(seen(self.page, self.request, stored))):
            self.overtaken = True
            self.add_error(None, ValidationError(_told(self.page, self.request, self.row, token)))  # type: ignore[attr-defined]
        return cleaned


def seen(page: Any, request: HttpRequest, row: Model) -> str:
    """The token of what `row`, as it was read, and its inline rows hold; says nothing about secrets."""
    newest = AuditEntry.objects.values_list("pk", flat=True).first() or 0
    inside: list[Any] = [_rows_of(inline, row) for inline in _edited(page, request, row)]
    held = [_columns(row, page.readonly_fields), inside]
    return f"{newest}.{salted_hmac('providers.editing', repr(held)).hexdigest()[:32]}"


def token_for(page: Any, request: HttpRequest, row: Model, form: Any) -> str:
    """What the page carries: what its reader saw, also on the way through other errors."""
    if request.method != "POST":
        return seen(page, request, row)
    kept = request.POST.get(FIELD, "") if not getattr(form, "overtaken", False) else ""
    stored = _stored(row)  # what was typed stands in `row` already
    return kept or (seen(page, request, stored) if stored else "")


def ago(then: datetime, now: datetime) -> str:
    """`20 s ago`, `5 min ago`, `3 h ago`."""
    seconds = max(int((now - then).total_seconds()), 0)
    if seconds < 120:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 7200 else f"{seconds // 3600} h ago"


def _digest(token: str) -> str:
    return token.rpartition(".")[2]


def _stored(row: Model, lock: bool = False) -> Model | None:
    """The row as it is kept now; None: somebody deleted it."""
    rows = type(row)._base_manager.filter(pk=row.pk)
    return (rows.select_for_update() if lock else rows).first()


def _columns(row: Model, fixed: Any) -> list[Any]:
    fields = [f for f in row._meta.concrete_fields if f.name not in audit.NOISE_FIELDS and f.name not in fixed]
    many = [sorted(getattr(row, field.name).values_list("pk", flat=True)) for field in row._meta.many_to_many]
    return [[getattr(row, field.attname) for field in fields], many]


def _edited(page: Any, request: HttpRequest, row: Model) -> list[Any]:
    """The inlines that this page can write; a list of rows that is only read is none of them."""
    found = page.get_inline_instances(request, row)
    return [inline for inline in found if set(inline.fields or ["*"]) - set(inline.readonly_fields)]


def _rows_of(inline: Any, row: Model) -> list[Any]:
    key = _get_foreign_key(type(row), inline.model, fk_name=inline.fk_name)
    names = [f.name for f in inline.model._meta.concrete_fields if f.name not in audit.NOISE_FIELDS]
    return list(inline.model._base_manager.filter(**{key.name: row.pk}).order_by("pk").values_list(*names))


def _told(page: Any, request: HttpRequest, row: Model, token: str) -> list[str]:
    """Who changed what since the token, a message per change, and what to do."""
    since = token.partition(".")[0]
    which = Q(kind=str(row._meta.verbose_name), object_id=str(row.pk))
    for inline in _edited(page, request, row):
        which |= Q(kind=str(inline.model._meta.verbose_name), object_id__in=_known_ids(inline, request, row))
    found = list(AuditEntry.objects.filter(which, pk__gt=int(since) if since.isdecimal() else 0)[:MOST_TOLD])
    now = timezone.now()
    lines = [
        f"{entry.actor} {entry.action} {_thing(entry, row)} {ago(entry.at, now)}{_fields(entry)}." for entry in found
    ]
    first = lines or ["This was changed since you opened the page."]
    return [*first, "Nothing was overwritten. Compare with what stands below, then save again to keep that."]


def _known_ids(inline: Any, request: HttpRequest, row: Model) -> list[str]:
    """Ids of inline rows as they were when the page was opened, and as they are."""
    key = _get_foreign_key(type(row), inline.model, fk_name=inline.fk_name)
    now = inline.model._base_manager.filter(**{key.name: row.pk}).values_list("pk", flat=True)
    name = inline.model._meta.pk.name
    posted = [value for field, value in request.POST.items() if field.endswith(f"-{name}")]
    return [str(pk) for pk in (*now, *posted)]


def _thing(entry: AuditEntry, row: Model) -> str:
    own = entry.object_id == str(row.pk) and entry.kind == str(row._meta.verbose_name)
    return "this" if own else f"the {entry.kind} {entry.object_name}"


def _fields(entry: AuditEntry) -> str:
    told = ", ".join(f"{name} {_short(old)} → {_short(new)}" for name, (old, new) in entry.changes.items())
    return f": {told}" if told and entry.action == "changed" else ""


def _short(value: Any) -> str:
    return "—" if value in (None, "", [], {}) else str(value)[:60]
