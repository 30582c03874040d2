"""What the resources share: list, read, make, change and delete rows of one model."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, ClassVar, Final

import msgspec
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from msgspec import Struct

from providers import audit, revisions
from routing.api.operator.applying import OneChange, fitted
from routing.api.operator.errors import ChangedMeanwhile, Conflict, NotThere
from routing.api.operator.paging import Filter, page
from routing.api.operator.views import Data, OperatorView, reason_asked, reason_of
from routing.configfile.mistakes import Mistake
from routing.errors import InvalidBody
from usage.adminhistory import why_kept

Rows = list[Any]
References = tuple[QuerySet[Any], str]


class Reading(OperatorView):
    """Rows of one model, to read."""

    model: ClassVar[type[Model]]
    filters: ClassVar[Mapping[str, Filter]]
    orders: ClassVar[Mapping[str, str]]  # the first is the usual one
    keyset: ClassVar[str] = ""  # the filter by which pages go on, where there are neither a total nor an offset
    lookup_value_regex = r"[0-9]{1,18}"

    def rows(self) -> QuerySet[Any]:
        """The rows that this operator sees."""
        raise NotImplementedError

    def told(self, rows: Rows) -> Rows:
        """The rows as structs, without secrets."""
        raise NotImplementedError

    def right(self, verb: str) -> str:
        """The name of Django's permission."""
        return f"{self.model._meta.app_label}.{verb}_{self.model._meta.model_name}"

    def one(self, pk: str) -> Any:
        """A row in sight; raises `NotThere`."""
        row = self.rows().filter(pk=pk).first()
        if row is None:
            raise NotThere(f"there is no {self.model._meta.verbose_name} {pk}, or it is not yours to see")
        return row

    def list(self, request: HttpRequest) -> HttpResponse:
        self.operator.require(self.right("view"))
        found = page(self.rows(), request.GET, self.filters, self.orders, request.path)
        shown = {"total": found.total, "limit": found.limit, "offset": found.offset, "next": found.next}
        return self.json({"object": "list", "data": self.told(found.rows), **shown})

    def retrieve(self, request: HttpRequest, pk: str) -> HttpResponse:
        self.operator.require(self.right("view"))
        return self.shown(self.one(pk))

    def shown(self, row: Any, status: int = 200, **more: Any) -> HttpResponse:
        """One row with its version; `more` are fields of this answer alone."""
        told = self.told([row])[0]
        headers = {"etag": version_of(told)}
        if status in (201, 202):
            headers["location"] = "/".join([*self.request.path.split("/")[:4], str(row.pk)])
        return self.json({**msgspec.to_builtins(told), **more}, status, **headers)


class Resource(Reading):
    """Rows of one model, to read and write."""

    part: ClassVar[str]  # of the configuration (`providers.revisions`); empty: of what no worker keeps
    body: ClassVar[type[Struct]]
    place: ClassVar[str]  # where the file's parts believe the body to stand
    identity: ClassVar[tuple[str, ...]] = ("name",)  # fields that do not change

    def write(self, changes: OneChange, body: Any) -> None:
        """Make or update the row that the body names."""
        raise NotImplementedError

    def named(self, body: Any) -> QuerySet[Any]:
        """The row that a body names, among all rows."""
        return self.model._base_manager.filter(name=body.name)

    def held(self, row: Any) -> Data:
        """What a row has in the fields of `identity`."""
        return {"name": row.name}

    def kept(self, row: Any) -> Data:
        """What a change has to say and may leave out."""
        return {}

    def references(self) -> Mapping[str, References]:
        """Which fields name a row that must be there, among the rows in sight, and where such rows are made."""
        return {}

    def rights(self, body: Any) -> tuple[str, ...]:
        """Which rights the fields of a body need beside the model's own."""
        return ()

    def written(self, pk: str) -> Any:
        """A row that has just been changed."""
        return self.one(pk)

    def why_kept(self, row: Any) -> str:
        """Why a row may not be deleted; empty: it may."""
        return why_kept(row)

    def secret(self, changes: OneChange) -> Data:
        """What is told of a new row in the answer that makes it, and never again."""
        return {}

    def create(self, request: HttpRequest) -> HttpResponse:
        self.operator.require(self.right("add"))
        data = self.data()
        reason = reason_of(data.pop("reason", ""))
        body = self.body_of(data)
        with transaction.atomic():
            if self.named(body).exists():
                words = " and ".join(f"{name} {value}" for name in self.identity if (value := getattr(body, name)))
                text = f"there is a {self.model._meta.verbose_name} with {words} already; change it with PATCH"
                raise Conflict(text, param=self.identity[-1])
            changes = self.applied(body, reason)
            row = self.one(str(self.named(body).values_list("pk", flat=True).get()))
            return self.shown(row, 201, warnings=changes.warnings, **self.secret(changes))

    def partial_update(self, request: HttpRequest, pk: str) -> HttpResponse:
        self.operator.require(self.right("change"))
        data = self.data()
        reason = reason_of(data.pop("reason", ""))
        with transaction.atomic():
            row = self.locked(pk)
            held = self.held(row)
            for name in self.identity:
                if data.get(name, held[name]) != held[name]:
                    text = f"{name}: is {held[name]} and stays so, since others refer to it; make a new one instead"
                    raise InvalidBody(text, param=name)
            changes = self.applied(self.body_of({**self.kept(row), **data, **held}), reason)
            return self.shown(self.written(pk), warnings=changes.warnings)

    def destroy(self, request: HttpRequest, pk: str) -> HttpResponse:
        self.operator.require(self.right("delete"))
        reason = reason_asked(request)
        with transaction.atomic():
            row = self.locked(pk)
            if why := self.why_kept(row):
                raise Conflict(why)
            audit.record(self.operator.actor, "deleted", row, audit.difference(audit.state(row), None), reason)
            row.delete()
            self.bump()
        return HttpResponse(status=204)

    def body_of(self, data: Data) -> Any:
        """The body that was sent; raises `InvalidBody` for all that is wrong in it by itself."""
        return fitted(data, self.body, self._missing(data))

    def _missing(self, data: Data) -> Iterator[Mistake]:
        for name, (rows, path) in self.references().items():
            value = data.get(name)
            if isinstance(value, str) and value and not rows.filter(name=value[:300]).exists():
                kind = rows.model._meta.verbose_name
                text = f"{name}: there is no {kind} {value[:60]!r} that you see; make it first, at /api/admin/{path}"
                yield name, text

    def applied(self, body: Any, reason: str) -> OneChange:
        """Do what a body says, within a transaction."""
        self.operator.require(*self.rights(body))
        changes = OneChange(self.operator.actor, self.place, reason, self.operator)
        self.write(changes, body)
        changes.close()
        return changes

    def locked(self, pk: str) -> Any:
        """A row to write: nobody else writes it meanwhile, and it has the version that `If-Match` names, if any."""
        row = self.one(pk)
        self.model._base_manager.select_for_update().filter(pk=pk).first()
        row = self.one(pk)
        wanted = self.request.headers.get("if-match", "*").strip()
        if wanted != "*" and version_of(self.told([row])[0]) not in [each.strip() for each in wanted.split(",")]:
            raise ChangedMeanwhile("if-match: the row has another version now; read it again", param="if-match")
        return row

    def assign(self, row: Any, action: str, reason: str, **values: Any) -> None:
        """Set columns of a row, with an audit row where anything changes; within a transaction."""
        before = audit.state(row)
        for name, value in values.items():
            setattr(row, name, value)
        if changes := audit.difference(before, audit.state(row)):
            row.save(update_fields=list(values))
            audit.record(self.operator.actor, action, row, changes, reason)
            self.bump()

    def bump(self) -> None:
        """Make a write live in every worker; what no worker keeps has no part."""
        if self.part:
            revisions.bump(self.part)


def columns(row: Any, names: Iterable[str]) -> Data:
    """The columns that a struct tells as they are."""
    return {name: getattr(row, name) for name in names}


USE: Final = ("last_used_at", "last_message", "now")  # no part of what a row is set to


def version_of(told: Any) -> str:
    """An ETag: equal for equal rows, whatever was only used meanwhile."""
    fields = {name: value for name, value in msgspec.to_builtins(told).items() if name not in USE}
    return f'"{blake2b(msgspec.json.encode(fields, order="deterministic"), digest_size=12).hexdigest()}"'
