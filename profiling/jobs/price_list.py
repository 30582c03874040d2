"""What do public price lists say today? Differences become proposals; without PRICE_LIST nothing is asked."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from profiling.jobs.base import JobKind, Progress, Run
from providers.pricefetch import fetch
from providers.pricelists import price_lists
from providers.pricesync import sync


class PriceListJob(JobKind):
    """Reads the price list that PRICE_LIST names, and proposes what differs from our prices."""

    name = "price_list"
    label = "Read the price list"
    every = timedelta(days=1)
    tries = 3

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        if not settings.PRICE_LIST:
            return {"read": None}
        price_list = price_lists()[settings.PRICE_LIST]
        url = settings.PRICE_LIST_URL or price_list.url
        data = fetch(url)
        progress(0.5, f"{len(data):,} bytes read")
        synced = sync(price_list, data, url, timezone.now())
        return {"read": url, "prices": synced.entries, "matched": synced.matched, "proposed": len(synced.proposed)}
