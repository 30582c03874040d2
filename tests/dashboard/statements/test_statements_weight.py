"""What does a first visit bring over the wire? Statement 22: at most 150 kB compressed, and nothing from elsewhere."""

import gzip
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from dashboard.pages import NAVIGATION
from tests.dashboard.browsing import looking

MOST_BYTES = 150_000
COMPRESSED = ("text/", "javascript", "json", "svg")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("shown", NAVIGATION, ids=lambda one: one.name)
def test_statement_22_a_first_visit_is_light_and_stays_on_this_host(chromium, live_server, signed_in, traffic, shown):
    sizes: dict[str, int] = {}

    def weigh(response) -> None:
        kind = response.headers.get("content-type", "")
        if urlsplit(response.url).path.startswith("/dashboard/live/now"):  # what follows is no first visit
            return
        body = response.body()
        sizes[response.url] = len(gzip.compress(body, 6)) if any(part in kind for part in COMPRESSED) else len(body)

    with looking(chromium, live_server.url, signed_in) as (page, problems):
        page.on("response", weigh)
        page.goto(f"/dashboard/{shown.path}")
        page.wait_for_load_state("networkidle")
        assert problems == []
    assert sum(sizes.values()) <= MOST_BYTES, sorted(((n, url) for url, n in sizes.items()), reverse=True)[:5]
    assert any(settings.STATIC_URL.strip("/") in url for url in sizes)
