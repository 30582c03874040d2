"""The operator's addresses below /api/admin."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from routing.api.database import Nowhere
from routing.api.operator.deployments import Deployments
from routing.api.operator.models import LanguageModels
from routing.api.operator.policies import Policies
from routing.api.operator.providers import Providers

router = SimpleRouter(trailing_slash=False)
router.register("providers", Providers, "operator-provider")
router.register("models", LanguageModels, "operator-model")
router.register("deployments", Deployments, "operator-deployment")
router.register("policies", Policies, "operator-policy")

urlpatterns = [*router.urls, path("<path:address>", Nowhere.as_view())]
