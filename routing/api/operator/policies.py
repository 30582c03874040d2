"""/api/admin/policies: how candidates are ordered."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from msgspec import Struct

from providers.revisions import POLICIES
from routing.api.operator.applying import OneChange, fields_of
from routing.api.operator.documents import documented
from routing.api.operator.paging import Filter, flag
from routing.api.operator.resource import Resource, Rows, columns
from routing.configfile import schema
from routing.configfile.policypart import FIELDS, put_policies
from routing.models import Policy


class PolicyRow(Struct):
    """A policy as it is kept; `version` counts its changes and stands in the records of requests."""

    id: int
    name: str
    kind: str
    weights: dict[str, float]
    order: list[str]
    client_tasks: dict[str, str]
    recovery: bool
    hedging: bool
    description: str
    enabled: bool
    version: int
    updated_at: datetime


class PolicyBody(schema.Policy):
    """A policy; what is left out stays."""


@documented(
    PolicyRow,
    {"name": "cheap-first", "kind": "weighted", "weights": {"cost": 70, "latency": 30}},
    {"weights": {"cost": 60, "latency": 40}, "reason": "answers came too late"},
)
class Policies(Resource):
    """Named ways of ordering candidates: `auto:<name>` asks for one."""

    model, part, body = Policy, POLICIES, PolicyBody
    place = "policies[0]"
    filters = {
        "name": Filter("name"),
        "q": Filter("name__icontains"),
        "kind": Filter("kind"),
        "enabled": flag("enabled"),
    }
    orders = {"name": "name", "id": "id", "updated_at": "updated_at"}

    def rows(self) -> QuerySet[Any]:
        return Policy.objects.filter(drill=False)

    def told(self, rows: Rows) -> Rows:
        same = ("name", *FIELDS, "version", "updated_at")
        return [PolicyRow(id=row.pk, **columns(row, same)) for row in rows]

    def write(self, changes: OneChange, body: Any) -> None:
        put_policies(changes, [schema.Policy(**fields_of(body))])
