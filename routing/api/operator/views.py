"""What every view of the operator's API does: let in, read the body, answer JSON, write once per key."""

from hashlib import blake2b
from typing import Any, ClassVar, Final

import msgspec
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.viewsets import ViewSetMixin

from routing.api.bodies import decode_body
from routing.api.database import DatabaseView
from routing.api.operator.door import Operator, operator_of
from routing.api.operator.errors import as_ours
from routing.errors import BodyTooLarge, InvalidBody
from routing.repeating.finished import Finished
from routing.repeating.repeats import Work
from routing.runtime import runtime

LONGEST_BODY: Final = 1024 * 1024  # bytes: no row is larger
LONGEST_REASON: Final = 500
Data = dict[str, Any]


class OperatorView(ViewSetMixin, DatabaseView):
    """A view set for operators; `self.operator` is who calls."""

    repeatable: ClassVar[frozenset[str]] = frozenset({"POST", "PATCH", "PUT", "DELETE"})
    longest_body: ClassVar[int] = LONGEST_BODY
    operator: Operator

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Nobody gets further than the door; nothing that is answered is kept by browsers or proxies."""
        try:
            self.operator = operator_of(request)
            if len(request.body) > self.longest_body:
                raise BodyTooLarge(f"the body has {len(request.body)} bytes; the limit is {self.longest_body}")
            answer = super().dispatch(request, *args, **kwargs)
        except Exception as exc:
            answer = self.handle_exception(exc)
        answer.headers["cache-control"] = "no-store"
        return answer

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """There is one form of every answer: what a caller accepts besides is no reason to refuse."""
        return super().perform_content_negotiation(request, force=True)

    async def once(self, key: bytes, request: HttpRequest, work: Work) -> Finished:
        """An Idempotency-Key belongs to who writes, the method and the whole address."""
        place = f"operator {self.operator.id} {request.method} {request.get_full_path()} "
        name = blake2b(place.encode() + key, digest_size=16).hexdigest()
        body = await sync_to_async(lambda: request.body)()
        answer, replayed = await runtime().repeats.once(name, body, work)
        more = [(b"idempotent-replayed", b"true")] if replayed else []
        return Finished(answer.status, [*answer.headers, *more], answer.body)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Every error in the one documented form."""
        return super().handle_exception(as_ours(exc))

    def data(self) -> Data:
        """The body: a JSON object, empty where nothing was sent. Raises `InvalidBody`."""
        return object_of(self.request.body)

    def json(self, answer: Any, status: int = 200, **headers: str) -> HttpResponse:
        """An answer."""
        body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        return HttpResponse(body, "application/json", status, headers=headers)


def reason_of(value: Any) -> str:
    """Why something is written, for the audit log; raises `InvalidBody`."""
    if not isinstance(value, str) or len(value) > LONGEST_REASON:
        raise InvalidBody(f"reason: give a text of at most {LONGEST_REASON} characters", param="reason")
    return value


def reason_asked(request: HttpRequest) -> str:
    """The same of a request whose body has no place for it."""
    return reason_of(request.GET.get("reason", ""))


def object_of(raw: bytes) -> Data:
    """What JSON object `raw` is; raises `InvalidBody`."""
    data = decode_body(msgspec.json.decode, raw or b"{}")
    if not isinstance(data, dict):
        raise InvalidBody("the body must be a JSON object")
    return data
