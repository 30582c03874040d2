"""/api/admin/live: the requests that run now, in all workers, and their end by an operator."""

from datetime import UTC, datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from msgspec import Struct

from routing.api.operator.applying import fitted
from routing.api.operator.documents import ONCE, TAG, Reason, answer, component
from routing.api.operator.views import OperatorView
from routing.inflight import asking, ending
from routing.inflight.telling import InFlight, State
from usage import ids

ID: Final = "req_0192f3a4b5c67d8e9f00112233445566"


class LiveRequest(Struct):
    """A request that is not over. `deployment` is who is asked now, null while nobody was; `tokens` what has come of
    the answer so far, null while nothing has: a whole answer comes in one piece."""

    id: str
    began_at: datetime
    state: State
    tenant: str
    key_prefix: str
    surface: str
    stream: bool
    asked_model: str
    policy: str | None
    deployment: str | None
    provider: str | None
    attempts: int
    tokens: int | None
    tokens_estimated: bool


class LiveRequests(Struct):
    """The oldest 200 requests that run; `total` counts all. `complete` is false where a worker was not heard:
    `workers_answered` of `workers` were."""

    object: str
    data: list[LiveRequest]
    total: int
    workers: int
    workers_answered: int
    complete: bool


EXAMPLE: Final = {
    "object": "list",
    "data": [
        {
            "id": ID, "began_at": "2026-01-31T12:00:00Z", "state": "streaming", "tenant": "team-a",
            "key_prefix": "nr-4f2a91c0", "surface": "chat", "stream": True, "asked_model": "auto",
            "policy": "balanced", "deployment": "acme/gpt-5-mini", "provider": "acme", "attempts": 1, "tokens": 120,
            "tokens_estimated": True,
        }
    ],
    "total": 1, "workers": 2, "workers_answered": 2, "complete": True,
}  # fmt: skip


@extend_schema(tags=[TAG])
class LiveRequestsView(OperatorView):
    """What runs now."""

    @extend_schema(
        operation_id="listLive",
        summary="List the requests that run now",
        description="In every worker of the installation, the oldest first. `state`: `queued` (nobody was asked yet), "
        "`waiting` (for the first token, or the whole answer), `streaming`, `failing over`, `retrying`.",
        examples=[OpenApiExample("One streams", value=EXAMPLE, response_only=True, status_codes=["200"])],
        responses=answer(component(LiveRequests), "What runs"),
    )
    def list(self, request: HttpRequest) -> HttpResponse:
        now = asking.live(self.operator.sight)
        data = [shown(row) for row in now.rows]
        return self.json(LiveRequests("list", data, now.total, now.asked, now.answered, now.whole))

    @extend_schema(
        operation_id="cancelLive",
        summary="End one that runs",
        description="Its upstream is closed and its client told: an error of the code `cancelled_by_operator`, in a "
        "stream that has begun as its last event. It is recorded once, as `cancelled`. Needs the right "
        "`usage.cancel_request`.",
        parameters=[
            OpenApiParameter("request_id", str, OpenApiParameter.PATH, description="As the list has it"),
            ONCE,
        ],
        request={"application/json": component(Reason)},
        examples=[OpenApiExample("Why", value={"reason": "a loop of the nightly job"}, request_only=True)],
        responses=answer(component(LiveRequest), "The request as it was when it was ended", 400, 404, 422),
    )
    def cancel(self, request: HttpRequest, request_id: str) -> HttpResponse:
        self.operator.require(ending.RIGHT)
        why = fitted(self.data(), Reason)
        key = ids.parse(request_id)
        if key is None:
            raise ending.NotInFlight(f"{request_id[:80]}: a request's id reads req_ and 32 hexadecimal digits")
        return self.json(shown(ending.end(key, self.operator.sight, self.operator.actor, why.reason)))


def shown(row: InFlight) -> LiveRequest:
    """A row as callers read it."""
    return LiveRequest(
        id=f"{ids.WIRE_PREFIX}{row.id}",
        began_at=datetime.fromtimestamp(row.began_us / 1e6, UTC),
        state=row.state,
        tenant=row.tenant,
        key_prefix=row.key_prefix,
        surface=row.surface,
        stream=row.stream,
        asked_model=row.asked_model,
        policy=row.policy,
        deployment=row.deployment,
        provider=row.provider,
        attempts=row.attempts,
        tokens=row.tokens,
        tokens_estimated=row.estimated,
    )
