"""Where each address leads."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from neuroroute import adminsearch, adminsystem
from routing.api.health import Live, Ready
from routing.api.metrics import Metrics
from tenants.ownpasswords import password_change
from tenants.signinlink import ROUTE, SignInLink
from tenants.signinviews import SecondFactorPage, SignIn, SignInCode

urlpatterns = [
    path("", include("routing.api.urls")),
    path("health", Live.as_view()),
    path("api/health", Live.as_view()),
    path("health/ready", Ready.as_view()),
    path("metrics", Metrics.as_view()),
    path("api/metrics", Metrics.as_view()),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(), name="docs"),
    path("documentation", RedirectView.as_view(pattern_name="docs")),
    path("favicon.ico", RedirectView.as_view(url=static("dashboard/mark.svg"))),  # asked for by pages that name none
    path("", include("routing.api.operator.older")),  # before the pages whose addresses they share
    path(ROUTE, SignInLink.as_view(), name="sign-in"),
    path("admin/login/", SignIn.as_view()),  # before the admin's own, which knows no second factor
    path("admin/login/code/", SignInCode.as_view(), name="sign-in-code"),
    path("admin/second-factor/", SecondFactorPage.as_view(), name="second-factor"),
    path("admin/password_change/", admin.site.admin_view(password_change, cacheable=True)),
    path("admin/drill/", RedirectView.as_view(pattern_name="dashboard:drill")),
    path("admin/system/", admin.site.admin_view(adminsystem.system), name="system"),
    path("admin/system/jobs/", admin.site.admin_view(adminsystem.jobs), name="system-jobs"),
    path("admin/system/backups/", admin.site.admin_view(adminsystem.daily_copy), name="system-backups"),
    path("admin/system/configuration/", admin.site.admin_view(adminsystem.configuration), name="system-configuration"),
    path("admin/search/", admin.site.admin_view(adminsearch.search), name="search"),
    path("admin/", admin.site.urls),
    path("", include("dashboard.urls")),
]

handler403 = "dashboard.refusing.forbidden"
