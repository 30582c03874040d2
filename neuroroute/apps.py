"""The wiring as a Django app; importing the Celery application makes it the one that tasks are sent through."""

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from neuroroute import celery, slowqueries

__all__ = ["NeurorouteConfig", "celery"]


class NeurorouteConfig(AppConfig):
    name = "neuroroute"

    def ready(self) -> None:
        from neuroroute import checks  # noqa: F401 - registers itself; models are not ready before
        from neuroroute.roles import fill_roles

        post_migrate.connect(fill_roles, dispatch_uid="neuroroute.roles")
        if settings.SLOW_QUERY_MS:
            connection_created.connect(slowqueries.install, dispatch_uid="neuroroute.slowqueries")
