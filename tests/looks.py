"""What axe-core and a camera make of a page in a browser."""

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
SCREENS = Path(__file__).resolve().parents[1] / "var" / "screens"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = ("serious", "critical")
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
NEXT_TO_NOTHING = 5000  # bytes
THEMES = ("light", "dark")


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


def picture(page: Page, name: str) -> None:
    """On a desk and on a telephone, in var/screens."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    for size in reversed(SIZES):
        page.set_viewport_size(SIZES[size])
        taken = page.screenshot(path=SCREENS / f"{name}-{size}.png", full_page=True)
        assert len(taken) > NEXT_TO_NOTHING, f"{name}-{size}.png shows next to nothing"
