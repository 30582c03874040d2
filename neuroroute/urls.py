"""Where each address leads."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from routing.api.health import Live, Ready
from routing.api.metrics import Metrics

urlpatterns = [
    path("", include("routing.api.urls")),
    path("health", Live.as_view()),
    path("api/health", Live.as_view()),
    path("health/ready", Ready.as_view()),
    path("metrics", Metrics.as_view()),
    path("api/metrics", Metrics.as_view()),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(), name="docs"),
    path("documentation", RedirectView.as_view(pattern_name="docs")),
    path("admin/", admin.site.urls),
    path("", include("dashboard.urls")),
]
