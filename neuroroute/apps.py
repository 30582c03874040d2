"""The wiring as a Django app; importing the Celery application makes it the one that tasks are sent through."""

from django.apps import AppConfig

from neuroroute import celery

__all__ = ["NeurorouteConfig", "celery"]


class NeurorouteConfig(AppConfig):
    name = "neuroroute"
