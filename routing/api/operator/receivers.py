"""/api/admin/receivers: who is told of budgets and findings. Addresses of webhooks go in and do not come out."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from msgspec import Struct, UnsetType
from rest_framework.decorators import action

from profiling.alerttests import ask_for_test
from routing.api.operator.applying import OneChange, fields_of, fitted
from routing.api.operator.documents import Reason, answer, component, documented, told_once
from routing.api.operator.paging import Filter, flag
from routing.api.operator.resource import Resource, Rows, columns
from routing.configfile import schema
from routing.configfile.receiverpart import exported_budget, put_receivers
from tenants.alerting import newest_messages
from tenants.alertrows import AlertDelivery, AlertReceiver
from tenants.models import Tenant
from tenants.sight import seen


class LastMessage(Struct):
    """The newest message to a receiver: `waiting`, `sent` or `failed`, and what was last answered."""

    event: str
    state: str
    tries: int
    written_at: datetime
    ended_at: datetime | None
    answer: str


class ReceiverRow(Struct):
    """A receiver as it is kept. `tenant` null: of the installation; `address` of a webhook is its host alone."""

    id: int
    tenant: str | None
    name: str
    enabled: bool
    kind: str
    address: str
    allow_private: bool
    budget_alerts: bool
    budget: dict[str, str] | None
    findings: str
    created_at: datetime
    last_message: LastMessage | None


class ReceiverBody(schema.ReceiverFields):
    """A receiver; what is left out stays. `email` or `url` says where to; `url` and `key` are write-only."""


@documented(
    ReceiverRow,
    {"tenant": "team-a", "name": "finance", "email": "finance@example.com"},
    {"findings": "harmful", "reason": "they asked to hear of keys that end"},
)
class Receivers(Resource):
    """Webhooks and e-mail addresses that are told of budgets and findings."""

    model, part, body = AlertReceiver, "", ReceiverBody
    place = "receivers[0]"
    identity = ("tenant", "name")
    filters = {
        "tenant": Filter("tenant__name"),
        "name": Filter("name"),
        "kind": Filter("kind"),
        "findings": Filter("findings"),
        "enabled": flag("enabled"),
    }
    orders = {"id": "id", "name": "name", "created_at": "created_at"}

    def rows(self) -> QuerySet[Any]:
        kept = AlertReceiver.objects.select_related("tenant", "budget__key", "budget__tenant")
        return seen(kept, self.operator.sight, "tenant_id")

    def named(self, body: Any) -> QuerySet[Any]:
        """Those in sight: a name that is taken elsewhere is told to nobody."""
        rows = seen(AlertReceiver.objects.filter(name=body.name), self.operator.sight, "tenant_id")
        return rows.filter(tenant=None) if body.tenant is None else rows.filter(tenant__name=body.tenant)

    def held(self, row: Any) -> dict[str, Any]:
        return {"tenant": row.tenant.name if row.tenant else None, "name": row.name}

    def told(self, rows: Rows) -> Rows:
        newest = newest_messages([row.pk for row in rows])
        same = ("name", "enabled", "kind", "allow_private", "budget_alerts", "findings", "created_at")
        return [
            ReceiverRow(
                id=row.pk,
                tenant=row.tenant.name if row.tenant else None,
                address=row.shown,
                budget=exported_budget(row.budget),
                last_message=_last(newest.get(row.pk)),
                **columns(row, same),
            )
            for row in rows
        ]

    def write(self, changes: OneChange, body: Any) -> None:
        if body.tenant is None:
            self.operator.require_every_tenant("a receiver without a tenant")
        elif not seen(Tenant.objects.filter(name=body.tenant), self.operator.sight, "pk").exists():
            changes.problem("tenant", f"there is no tenant {body.tenant}; make it first, at /api/admin/tenants")
            return
        nowhere = isinstance(body.email, UnsetType) and isinstance(body.url, UnsetType)
        if nowhere and not self.named(body).exists():
            changes.problem("email", "a new receiver needs an email, or a url and a key")
            return
        put_receivers(changes, [schema.Receiver(**fields_of(body))])

    @told_once(
        ReceiverRow,
        "Receiver",
        "test",
        "Send it a test, by the job that sends all alerts. Its answer is then the receiver's `last_message`",
        {"reason": "the mail server is another one"},
        responses=answer(component(ReceiverRow), "Queued; `location` is where to ask", 400, 404, 412, 422, status=202),
    )
    @action(detail=True, methods=["post"])
    def test(self, request: HttpRequest, pk: str) -> HttpResponse:
        self.operator.require(self.right("change"))
        why = fitted(self.data(), Reason)
        row = self.one(pk)
        ask_for_test(row, self.operator.actor, why.reason)
        return self.shown(row, 202)


def _last(row: AlertDelivery | None) -> LastMessage | None:
    if row is None:
        return None
    event, answer = str(row.message.get("event", "")), row.problem or row.answer
    return LastMessage(event, row.state, row.tries, row.created_at, row.ended_at, answer)
