"""What does a first visit bring over the wire? Statement 22: at most 150 kB compressed, and nothing from elsewhere."""

import gzip
from collections.abc import Iterable
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import Response

from dashboard.pages import NAVIGATION
from tests.dashboard.browsing import looking

MOST_BYTES = 150_000
COMPRESSED = ("text/", "javascript", "json", "svg")

pytestmark = pytest.mark.django_db(transaction=True)


def test_statement_22_a_first_visit_is_light_and_stays_on_this_host(chromium, live_server, signed_in, traffic):
    heavy = {}
    with looking(chromium, live_server.url, signed_in) as (page, problems):
        seen: list[Response] = []
        page.on("response", lambda response: seen.append(response))
        fresh = page.context.new_cdp_session(page)
        fresh.send("Network.setCacheDisabled", {"cacheDisabled": True})  # each page is somebody's first
        for shown in NAVIGATION:
            seen.clear()
            page.goto(f"/dashboard/{shown.path}")
            page.wait_for_load_state("networkidle")
            sizes = weights(seen)
            assert any(settings.STATIC_URL.strip("/") in url for url in sizes)
            if sum(sizes.values()) > MOST_BYTES:
                heavy[shown.name] = sorted(((size, url) for url, size in sizes.items()), reverse=True)[:5]
        assert problems == []
    assert heavy == {}


def weights(responses: Iterable[Response]) -> dict[str, int]:
    """Bytes on the wire by address, what follows on the page of what runs now left out."""
    sizes = {}
    for response in responses:
        if not urlsplit(response.url).path.startswith("/dashboard/live/now"):
            kind, body = response.headers.get("content-type", ""), response.body()
            squeezed = any(part in kind for part in COMPRESSED)
            sizes[response.url] = len(gzip.compress(body, 6)) if squeezed else len(body)
    return sizes
