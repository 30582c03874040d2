"""Can everybody use each screen? axe-core looks at all of them, light and dark, full and empty; so may you.

Pictures of every screen, light and dark, on a desk and on a telephone, are left in var/screens by the run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from dashboard.pages import NAVIGATION
from tests.dashboard.browsing import looking

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
SCREENS = Path(__file__).resolve().parents[3] / "var" / "screens"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = ("serious", "critical")
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
NEXT_TO_NOTHING = 5000  # bytes
THEMES = ("light", "dark")

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


def violations(page: Page) -> list[str]:
    """What axe-core holds to be grave: rule, element, and what is wrong with it."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {resultTypes: ['violations'], runOnly: rules})", RULES
    )
    return [
        f"{rule['id']}: {' '.join(node['target'])}: {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


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


def picture(page: Page, name: str) -> None:
    """On a desk and on a telephone, in var/screens."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    for size in reversed(SIZES):
        page.set_viewport_size(SIZES[size])
        taken = page.screenshot(path=SCREENS / f"{name}-{size}.png", full_page=True)
        assert len(taken) > NEXT_TO_NOTHING, f"{name}-{size}.png shows next to nothing"
