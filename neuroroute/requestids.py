"""Which request does a log line belong to? Pages bind their id; the data plane is asked only when a line is written.

A worker answers thousands of requests that log nothing, so nothing is done for those: who writes a line looks in its
own call stack for the view or the consumer that answers.
"""

import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import bound_contextvars

FIELD: Final = "request_id"
HEADER: Final = "x-request-id"
ATTRIBUTE: Final = "neuroroute_id"  # of Django's request
DEEPEST: Final = 120  # frames: far more than lie between a view and whatever logs
_ID_LENGTH: Final = 32


def add_request_id(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """The processor: the id of the request on whose behalf this code runs, where none is bound.

    Django's own lines about an answer are written outside the middleware, and bring the request along.
    """
    if FIELD in event:
        return event
    if found := getattr(event.get("request"), ATTRIBUTE, None) or _answering(sys._getframe(1)):
        event[FIELD] = f"req_{found}"
    return event


def _answering(frame: FrameType | None) -> str | None:
    for _ in range(DEEPEST):
        if frame is None:
            return None
        # Not getattr: whatever else is called `self` may do anything at all when it is asked for an attribute.
        held = getattr(frame.f_locals.get("self"), "__dict__", {}).get(FIELD)
        if isinstance(held, str) and len(held) == _ID_LENGTH:
            return held
        frame = frame.f_back
    return None


class RequestIds:
    """Middleware of what Django answers: an id in every line and in `x-request-id`, as the data plane has it."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._waits = iscoroutinefunction(get_response)
        if self._waits:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        request_id = _name(request)
        if self._waits:
            return self._answer(request, request_id)
        with bound_contextvars(request_id=request_id):
            return _told(self._get_response(request), request_id)

    async def _answer(self, request: HttpRequest, request_id: str) -> HttpResponseBase:
        with bound_contextvars(request_id=request_id):
            return _told(await self._get_response(request), request_id)


def _name(request: HttpRequest) -> str:
    from routing.api.entry import new_id  # models are not ready when the middleware is imported

    request_id = new_id()
    setattr(request, ATTRIBUTE, request_id)
    return f"req_{request_id}"


def _told(response: HttpResponseBase, request_id: str) -> HttpResponseBase:
    response.headers.setdefault(HEADER, request_id)
    return response
