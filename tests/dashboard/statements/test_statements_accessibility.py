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
GRAVE = ("serious", "critical")
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
SMALLEST_PX = 24
# Links within a sentence are exempt (WCAG 2.5.8), and so is what nobody can point at.
SMALL_TARGETS = """least => [...document.querySelectorAll("button, input, select, summary, nav a, a.button")]
    .filter(one => one.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !one.closest("[hidden]"))
    .map(one => [one.labels?.length && ["radio", "checkbox"].includes(one.type) ? one.labels[0] : one, one])
    .filter(([shown]) => { const box = shown.getBoundingClientRect(); return box.width && box.height
        && (box.width < least || box.height < least); })
    .map(([shown, one]) => `${one.outerHTML.slice(0, 90)} ${Math.round(shown.getBoundingClientRect().width)}x`
        + Math.round(shown.getBoundingClientRect().height))"""

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
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
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
    found = {}
    with looking(chromium, live_server.url, signed_in, color_scheme=theme) as (page, _):
        for name, address in addresses(request_id):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            if wrong := violations(page):
                found[name] = wrong
    assert not found, "\n".join(f"{name}: {wrong}" for name, all_ in found.items() for wrong in all_)


def test_statement_29_whatever_is_pressed_is_large_enough(chromium, live_server, signed_in, traffic):
    small = {}
    with looking(chromium, live_server.url, signed_in, viewport={"width": 320, "height": 640}) as (page, _):
        for name, address in addresses(f"req_{traffic[-1].id}"):
            page.goto(address)
            if found := page.evaluate(SMALL_TARGETS, SMALLEST_PX):
                small[name] = found
    assert not small, "\n".join(f"{name}: {one}" for name, all_ in small.items() for one in all_)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_every_screen_leaves_its_picture(chromium, live_server, signed_in, traffic, theme, size):
    width, height = SIZES[size]
    SCREENS.mkdir(parents=True, exist_ok=True)
    failover = next(one.id for one in reversed(traffic) if one.failovers)
    view = {"width": width, "height": height}
    with looking(chromium, live_server.url, signed_in, color_scheme=theme, viewport=view) as (page, problems):
        for name, address in addresses(f"req_{failover}"):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            picture = SCREENS / f"{name}-{theme}-{size}.png"
            page.screenshot(path=picture, full_page=True)
            assert picture.stat().st_size > 5000, f"{picture.name} shows next to nothing"
            assert page.locator(".failed").count() == 0, name
    assert problems == []
