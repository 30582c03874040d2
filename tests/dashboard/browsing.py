"""A browser that is signed in to the dashboard, and what went wrong on its pages."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from tests.browsers import Chromium
from tests.people import staff


@pytest.fixture
def signed_in(transactional_db: None) -> str:
    """The session cookie of a staff account."""
    client = Client()
    client.force_login(staff("ana", "every tenant"))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@contextmanager
def looking(chromium: Chromium, url: str, session: str, **context: object) -> Iterator[tuple[Page, list[str]]]:
    """A page, and what the console, the scripts and foreign hosts said."""
    with chromium.context(base_url=url, **context) as opened:
        opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        page, problems = opened.new_page(), []
        page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda sent: None if sent.url.startswith(url) else problems.append(f"left: {sent.url}"))
        yield page, problems
