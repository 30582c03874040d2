"""Routing as a Django app; policies keep their versions from the start."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "routing"

    def ready(self) -> None:
        from providers.audit import recorded  # models are not ready before
        from routing.models import Policy
        from routing.versions import keep

        recorded.connect(keep, sender=Policy, dispatch_uid="routing.versions")
