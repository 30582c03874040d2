"""What was said, if it is kept?"""

from typing import Final
from uuid import UUID

from django.urls import reverse
from msgspec import Struct

from dashboard.panels.base import RequestPanel
from dashboard.said import Said, said_in
from dashboard.scope import Scope
from usage import bodies
from usage.ids import WIRE_PREFIX
from usage.outcomes import Kept, Outcome

RIGHT: Final = "usage.read_bodies"


class Messages(Struct, frozen=True):
    """`days`: how long the tenant keeps them, 0: not at all. `said` is there once somebody asked to read it."""

    tenant: str
    days: int
    there: bool
    may: bool
    said: Said | None
    address: str  # where one asks to read
    setting: str  # the tenant's page in admin, for who may change it; else empty


class RequestMessages(RequestPanel):
    """Prompt and answer as text, for who may read them, and only when they ask: that is written to the audit log."""

    name = "request_messages"
    title = "What was said?"
    order = 55
    formula = (
        "Nothing is computed: what the tenant's setting kept of the messages, as text, for those who may read bodies."
    )

    def about(self, record: Outcome, scope: Scope) -> Messages:
        days, may = _days(record, scope), scope.may(RIGHT)
        kept = _kept(record, scope)
        wire_id = f"{WIRE_PREFIX}{record.id}"
        changes = scope.may("tenants.change_tenant")
        return Messages(
            tenant=record.tenant,
            days=days,
            there=kept is not None,
            may=may,
            said=said_in(found) if (found := body_read(record, scope)) else None,
            address=reverse("dashboard:request-read", args=[wire_id]),
            setting=reverse("admin:tenants_tenant_change", args=[record.tenant_id]) if changes else "",
        )


def body_read(record: Outcome, scope: Scope) -> Kept | None:
    """What was said, for who may read it and has asked to."""
    return _kept(record, scope) if scope.reads and scope.may(RIGHT) else None


def _kept(record: Outcome, scope: Scope) -> Kept | None:
    days = _days(record, scope)
    return scope.ask(bodies.body_of, UUID(record.id), record.tenant_id, days, scope.period.now) if days else None


def _days(record: Outcome, scope: Scope) -> int:
    return scope.ask(bodies.kept_days).get(record.tenant_id, 0)
