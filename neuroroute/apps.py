"""The wiring as a Django app; importing the Celery application makes it the one that tasks are sent through."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from neuroroute import celery

__all__ = ["NeurorouteConfig", "celery"]


class NeurorouteConfig(AppConfig):
    name = "neuroroute"

    def ready(self) -> None:
        from neuroroute.roles import fill_roles  # models are not ready before

        post_migrate.connect(fill_roles, dispatch_uid="neuroroute.roles")
