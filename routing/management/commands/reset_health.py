"""`manage.py reset_health [provider[/model]]`: clear cooldowns and barred credentials in every worker."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers.models import Deployment, Provider
from routing import resets


class Command(BaseCommand):
    help = (
        "Make every worker forget what it remembers of the health of a provider, a deployment, or all, within a second."
    )
    requires_system_checks: list[str] = []  # they were asked as it was prepared, and load every page

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scope", nargs="?", default="", metavar="PROVIDER[/MODEL]", help="default: everything")

    def handle(self, *args: Any, scope: str, **options: Any) -> None:
        if scope and not known(scope):
            raise CommandError(f"{scope}: no provider or deployment has this name")
        resets.ask(scope)
        self.stdout.write(f"forgotten: {scope or 'everything'}")


def known(scope: str) -> bool:
    """Whether a provider or a deployment has this name."""
    provider, _, model = scope.partition("/")
    if not model:
        return Provider.objects.filter(name=provider).exists()
    return Deployment.objects.filter(provider__name=provider, model__name=model).exists()
