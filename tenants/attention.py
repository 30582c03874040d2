"""What about client keys needs an operator?"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse

from providers.attention import Notice
from tenants.models import ClientKey

SOON: Final = timedelta(days=7)
SHOWN: Final = 10


def notices(now: datetime) -> Iterator[Notice]:
    """Live keys that end within a week, the first ten."""
    ending = ClientKey.objects.filter(revoked_at=None, expires_at__gt=now, expires_at__lt=now + SOON)
    for key in ending.select_related("tenant").order_by("expires_at")[:SHOWN]:
        link = reverse("admin:tenants_clientkey_change", args=[key.pk])
        when = f"{key.expires_at:%Y-%m-%d %H:%M} UTC"
        yield Notice(f"{key} ends on {when}", "Its application is refused then.", link, "tenants.view_clientkey")
