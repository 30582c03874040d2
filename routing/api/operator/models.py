"""/api/admin/models: our names of models, their aliases and priors."""

from typing import Any

from django.db.models import Count, Q, QuerySet
from msgspec import Struct

from providers.models import LanguageModel
from providers.realms import APART
from providers.revisions import CATALOG
from routing.api.operator.applying import OneChange, fields_of
from routing.api.operator.documents import documented
from routing.api.operator.paging import Filter
from routing.api.operator.resource import Resource, Rows, columns
from routing.configfile import schema
from routing.configfile.modelpart import put_models

NOT_OURS = Q(deployments__provider__source__in=APART)


class ModelRow(Struct):
    """A model as it is kept; `quality` null is unknown, `deployments` is how many serve it."""

    id: int
    name: str
    aliases: list[str]
    quality: float | None
    category_quality: dict[str, float]
    description: str
    deployments: int


class ModelBody(schema.Model):
    """A model; what is left out stays."""


@documented(
    ModelRow,
    {"name": "gpt-5-mini", "aliases": ["small"], "quality": 0.7},
    {"category_quality": {"coding": 0.8}, "reason": "our own evaluation of March"},
)
class LanguageModels(Resource):
    """What can be asked for by name."""

    model, part, body = LanguageModel, CATALOG, ModelBody
    place = "models[0]"
    filters = {"name": Filter("name"), "q": Filter("name__icontains")}
    orders = {"name": "name", "id": "id", "quality": "quality"}

    def rows(self) -> QuerySet[Any]:
        return LanguageModel.objects.exclude(NOT_OURS).annotate(served=Count("deployments"))

    def told(self, rows: Rows) -> Rows:
        same = ("name", "aliases", "quality", "category_quality", "description")
        return [ModelRow(id=row.pk, deployments=row.served, **columns(row, same)) for row in rows]

    def write(self, changes: OneChange, body: Any) -> None:
        put_models(changes, [schema.Model(**fields_of(body))])
