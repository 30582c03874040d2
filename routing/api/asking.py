"""What do the views of all surfaces share? One question in the surface's form, one answer or error in the same."""

from typing import ClassVar

from django.http import HttpRequest

from providers.chat import ChatRequest
from providers.errors import GatewayError
from routing.api.base import Finished, GatewayView, Headers, headers_of, respond
from routing.api.entry import enter
from routing.api.errors import error_headers, told
from routing.api.headers import metadata, story_headers
from routing.asked import Asked
from routing.runtime import runtime
from routing.surfaces import surfaces
from routing.surfaces.base import Surface, with_field
from routing.surfaces.chat import METADATA
from usage.outcomes import Outcome


class SurfaceView(GatewayView):
    """A view of one surface: JSON in, JSON out. Streams go to `consumers.SurfaceStream`."""

    surface_name: ClassVar[str]

    @property
    def surface(self) -> Surface:
        return surfaces()[self.surface_name]

    async def ask(self, request: HttpRequest) -> Finished:
        """Answer the request; raises `GatewayError`."""
        now, surface = runtime(), self.surface
        asked, caller, admission = await enter(surface, headers_of(request), request.body, self.request_id, now)
        with admission:
            answer, outcome = await now.engine.answer(asked, caller)
            admission.note(outcome)
        body = self.added(surface.whole(answer, asked.request), asked, outcome)
        if caller.explain or asked.wishes.options.explain:
            body = with_field(body, METADATA, metadata(outcome))
        return respond(
            body, story_headers(outcome, admission.states, outcome.warnings) + surface.headers(self.request_id)
        )

    def added(self, body: bytes, asked: Asked[ChatRequest], outcome: Outcome) -> bytes:
        """The answer with what only the record knows; most surfaces have no place for it."""
        return body

    def refused(self, exc: GatewayError, more: Headers | None = None) -> Finished:
        headers = error_headers(exc, self.request_id) + self.surface.headers(self.request_id) + (more or [])
        return Finished(exc.status, headers, self.surface.error(told(exc, self.request_id)))
