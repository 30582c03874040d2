"""The operator's addresses below /api/admin."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from routing.api.database import Nowhere
from routing.api.operator.apikeys import ApiKeys
from routing.api.operator.auditlog import AuditLog
from routing.api.operator.benchmarks import Benchmarks
from routing.api.operator.budgets import Budgets
from routing.api.operator.config import Configuration
from routing.api.operator.deployments import Deployments
from routing.api.operator.live import LiveRequestsView
from routing.api.operator.models import LanguageModels
from routing.api.operator.policies import Policies
from routing.api.operator.profiles import Profiles, TokenCalibrations
from routing.api.operator.providers import Providers
from routing.api.operator.receivers import Receivers
from routing.api.operator.reprofile import Reprofile
from routing.api.operator.requests import Requests
from routing.api.operator.tenants import Tenants
from routing.api.operator.users import Users
from routing.api.operator.vram import VramView

ACTS = ("load", "unload", "pin")
router = SimpleRouter(trailing_slash=False)
router.register("providers", Providers, "operator-provider")
router.register("models", LanguageModels, "operator-model")
router.register("deployments", Deployments, "operator-deployment")
router.register("policies", Policies, "operator-policy")
router.register("tenants", Tenants, "operator-tenant")
router.register("budgets", Budgets, "operator-budget")
router.register("api-keys", ApiKeys, "operator-key")
router.register("receivers", Receivers, "operator-receiver")
router.register("users", Users, "operator-user")
router.register("profiles", Profiles, "operator-profile")
router.register("profiles/tokens", TokenCalibrations, "operator-tokens")
router.register("reprofile", Reprofile, "operator-reprofile")
router.register("audit-log", AuditLog, "operator-audit")
router.register("requests", Requests, "operator-request")

urlpatterns = [
    *router.urls,
    path("live", LiveRequestsView.as_view({"get": "list"})),
    path("live/<str:request_id>/cancel", LiveRequestsView.as_view({"post": "cancel"})),
    path("vram", VramView.as_view({"get": "now"})),
    path("vram/history", VramView.as_view({"get": "history"})),
    *(path(f"vram/{act}", VramView.as_view({"post": act})) for act in ACTS),
    path("benchmarks", Benchmarks.as_view({"get": "list"})),
    path("sync-benchmarks", Benchmarks.as_view({"post": "sync"})),
    path("config", Configuration.as_view({"get": "export", "put": "apply"})),
    re_path(r"^(?P<address>[\s\S]*)\Z", Nowhere.as_view()),  # whatever characters it has, line breaks too
]
