"""Which provider or deployment does an address mean? Those of the drill and of sample traffic are not for people."""

from django.http import Http404

from providers.models import Deployment, Provider
from providers.realms import APART


def provider_named(name: str) -> Provider:
    """Raises `Http404`."""
    row = Provider.objects.exclude(source__in=APART).filter(name=name).first()
    if row is None:
        raise Http404(f"There is no provider {name!r}.")
    return row


def deployment_of(number: int) -> Deployment:
    """With its provider and its model; raises `Http404`."""
    rows = Deployment.objects.exclude(provider__source__in=APART).select_related("provider", "model")
    row = rows.filter(pk=number).first()
    if row is None:
        raise Http404(f"There is no deployment {number}.")
    return row
