"""The data plane's addresses, with the aliases of older routers."""

from django.urls import path

from routing.api.chat import ChatCompletions
from routing.api.database import Nowhere
from routing.api.feedback import Feedback
from routing.api.models import Models, OneModel
from routing.api.requests import RequestRecordView
from routing.api.route import Route

urlpatterns = [
    path("v1/chat/completions", ChatCompletions.as_view()),
    path("chat/completions", ChatCompletions.as_view()),
    path("v1/models", Models.as_view()),
    path("models", Models.as_view()),
    path("api/models", Models.as_view()),
    path("v1/models/<path:model>", OneModel.as_view()),
    path("models/<path:model>", OneModel.as_view()),
    path("v1/route", Route.as_view()),
    path("v1/feedback", Feedback.as_view()),
    path("v1/requests/<str:request_id>", RequestRecordView.as_view()),
    path("v1/<path:address>", Nowhere.as_view()),
]
