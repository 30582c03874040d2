"""How does an operator end a running request? Written into the audit log, then done; both or neither."""

from uuid import UUID

from django.db import transaction

from providers import audit
from providers.audit import Actor
from routing.errors import RoutingError
from routing.inflight import asking
from routing.inflight.telling import InFlight
from tenants.sight import Sight
from usage.models import RequestRecord

RIGHT = "usage.cancel_request"


class NotInFlight(RoutingError):
    """No running request of one's own has this id: it has ended, or there was none."""

    status, type, code = 404, "invalid_request_error", "not_in_flight"


def end(request_id: UUID, sight: Sight, actor: Actor, reason: str) -> InFlight:
    """Cancel a running request in sight, and answer how it was then; raises `NotInFlight`.

    Its upstream is closed, its client told, and what it took recorded by the worker that answers it.
    """
    row = asking.find(request_id.hex, sight)
    if row is None:
        raise _not_there(request_id)
    with transaction.atomic():
        changes: audit.Changes = {"state": [row.state, "cancelled"]}
        audit.record(actor, "cancelled", RequestRecord(pk=request_id), changes, reason)
        row = asking.cancel(request_id.hex, sight)
        if row is None:
            raise _not_there(request_id)
    return row


def _not_there(request_id: UUID) -> NotInFlight:
    return NotInFlight(f"req_{request_id.hex}: no such request is in flight; it has ended, or it is not yours to see")
