"""Can everybody use each screen? axe-core looks at all of them, light and dark, full and empty; so may you.

Pictures of every screen, light and dark, on a desk and on a telephone, are left in var/screens by the run.
"""

from collections.abc import Iterator

import pytest

from dashboard.pages import NAVIGATION
from tests.dashboard.browsing import looking
from tests.looks import SIZES, THEMES, picture, violations

pytestmark = pytest.mark.django_db(transaction=True)


def addresses(request_id: str = "") -> Iterator[tuple[str, str]]:
    """Each screen's name and address."""
    yield "welcome", "/"
    for page in NAVIGATION:
        yield page.name, f"/dashboard/{page.path}"
    yield "settings", "/dashboard/settings/"
    yield "invoices", "/dashboard/invoices/"
    yield "find", "/dashboard/find/?q=sandbox"
    if request_id:
        yield "request", f"/dashboard/requests/{request_id}/"


@pytest.fixture(params=["full", "empty"])
def request_id(request: pytest.FixtureRequest) -> str:
    """The id of a recorded request, or none where nothing has happened yet."""
    if request.param == "empty":
        return ""
    told = request.getfixturevalue("traffic")
    return f"req_{next(one.id for one in reversed(told) if one.failovers)}"


@pytest.mark.parametrize("theme", THEMES)
def test_statement_27_axe_finds_nothing_grave(chromium, live_server, signed_in, request_id, theme):
    """The same visit takes the pictures, where there is something to see."""
    found = {}
    with looking(chromium, live_server.url, signed_in, color_scheme=theme, viewport=SIZES["desktop"]) as (
        page,
        problems,
    ):
        for name, address in addresses(request_id):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            if request_id:
                assert page.locator(".failed").count() == 0, name
                picture(page, f"{name}-{theme}")
            if wrong := violations(page):
                found[name] = wrong
        assert problems == []
    assert not found, "\n".join(f"{name}: {wrong}" for name, all_ in found.items() for wrong in all_)
