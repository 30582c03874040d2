"""The data plane's addresses, with the aliases of older routers."""

from typing import Final

from django.urls import include, path, re_path

from routing.api.base import GatewayView
from routing.api.chat import ChatCompletions
from routing.api.database import Nowhere
from routing.api.embeddings import Embeddings
from routing.api.evaluations import EvalOfOlderRouters, FeedbackOfOlderRouters
from routing.api.feedback import Feedback
from routing.api.messages import CountTokens, Messages
from routing.api.models import Models, OneModel
from routing.api.ownusage import UsageView
from routing.api.prompt import PromptAnswer, RoutedPrompt
from routing.api.providerhealth import ProvidersHealth
from routing.api.requests import RequestRecordView
from routing.api.responses import KeptResponses, Responses
from routing.api.route import Route

# Served by `LeanHandler`; all else goes through stock Django.
LEAN: Final[dict[str, type[GatewayView]]] = {
    "/v1/chat/completions": ChatCompletions,
    "/chat/completions": ChatCompletions,
    "/v1/responses": Responses,
    "/v1/messages": Messages,
    "/v1/messages/count_tokens": CountTokens,
    "/v1/embeddings": Embeddings,
    "/embeddings": Embeddings,
    "/v1/models": Models,
    "/models": Models,
    "/api/models": Models,
    "/v1/route": Route,
    "/prompt": PromptAnswer,
    "/api/route": RoutedPrompt,
}
LEAN_PREFIXES: Final[dict[str, type[GatewayView]]] = {"/v1/models/": OneModel, "/models/": OneModel}

urlpatterns = [
    *(path(address.lstrip("/"), view.as_view()) for address, view in LEAN.items()),
    *(path(f"{prefix.lstrip('/')}<path:model>", view.as_view()) for prefix, view in LEAN_PREFIXES.items()),
    path("api/admin/", include("routing.api.operator.urls")),
    path("v1/feedback", Feedback.as_view()),
    path("api/feedback", FeedbackOfOlderRouters.as_view()),
    path("api/eval", EvalOfOlderRouters.as_view()),
    path("v1/usage", UsageView.as_view()),
    path("v1/health/providers", ProvidersHealth.as_view()),
    path("v1/requests/<str:request_id>", RequestRecordView.as_view()),
    path("v1/responses/<path:address>", KeptResponses.as_view()),
    path("v1/<path:address>", Nowhere.as_view()),
    re_path(r"^v1/?\Z", Nowhere.as_view()),
]
