"""`POST /v1/route`: the decision alone; calls no upstream, records nothing, counts against the limits."""

import msgspec
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema

from routing.api import examples
from routing.api.base import Finished, GatewayView, headers_of, respond
from routing.api.contracts import CHAT_REQUEST, RouteDecision, answers
from routing.api.entry import enter
from routing.api.headers import id_headers, rate_headers, usd, warning_header
from routing.decisions import told
from routing.runtime import runtime
from routing.surfaces import surfaces


@extend_schema(tags=["Data plane"])
class Route(GatewayView):
    """Explain a decision."""

    route = "route"

    @extend_schema(
        operation_id="explainRoute",
        summary="Explain which deployment would answer",
        description="Takes a chat request; answers with features, candidates, scores and the reasons of exclusion.",
        request=CHAT_REQUEST,
        examples=examples.CHAT,
        responses=answers(RouteDecision, "The decision", 400, 401, 403, 404, 429, 503),
    )
    async def post(self, request: HttpRequest) -> Finished:
        now = runtime()
        surface = surfaces()["chat"]
        asked, caller, admission = await enter(
            surface, headers_of(request), request.body, self.request_id, now, self.route
        )
        with admission:  # which takes no tokens: nobody is asked
            outcome = now.engine.explain(asked, caller)
        low, high = outcome.forecast_low_nano_usd, outcome.forecast_high_nano_usd
        decision = {
            "model": outcome.asked_model,
            "policy": outcome.policy,
            "first_choice": outcome.first_choice,
            "why": outcome.why,
            "expected_cost_usd": {
                "low": None if low is None else usd(low),
                "high": None if high is None else usd(high),
            },
            "features": outcome.features,
            "decision": told(outcome.decision),
        }
        warned = [warning_header(outcome.warnings)] if outcome.warnings else []
        headers = id_headers(self.request_id) + warned + rate_headers(admission.states)
        return respond(msgspec.json.encode(decision), headers)
