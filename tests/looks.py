"""What axe-core and a camera make of a page in a browser, light and dark."""

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# It parses the same few colours thousands of times, which is a third of all that it does.
PARSE_ONCE = """() => {
    const kind = axe.commons.color.Color.prototype, parse = kind.parseString, known = new Map();
    kind.parseString = function (text) {
        if (!known.has(text)) {
            parse.call(this, text);
            known.set(text, [this.r, this.g, this.b, this.alpha]);
        }
        [this.r, this.g, this.b, this.alpha] = known.get(text);
        return this;
    };
}"""
SCREENS = Path(__file__).resolve().parents[1] / "var" / "screens"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = ("serious", "critical")
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
NEXT_TO_NOTHING = 5000  # bytes
THEMES = ("light", "dark")
# The admin asks what the system prefers once, when it is loaded; its own switch changes it. What fades has faded then,
# and the charts are drawn anew.
SWITCH = """async (theme) => {
    window.Alpine?.$data(document.documentElement).switchTheme?.(theme);
    for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
    const ends = (one) => one.effect.getComputedTiming().endTime < Infinity;
    await Promise.allSettled(document.getAnimations().filter(ends).map((one) => one.finished));
}"""
LIGHTNESS = """() => {
    const colour = (one) => getComputedStyle(one).backgroundColor;
    const seen = [document.body, document.documentElement].map(colour).find((one) => one !== "rgba(0, 0, 0, 0)");
    const dot = new OffscreenCanvas(1, 1).getContext("2d");
    dot.fillStyle = seen ?? "white";
    dot.fillRect(0, 0, 1, 1);
    return Math.max(...dot.getImageData(0, 0, 1, 1).data.slice(0, 3));
}"""


def looked_at(page: Page, name: str, *, pictures: bool = True) -> list[str]:
    """What axe-core holds to be grave on it, light and dark, a picture of each being left under this name."""
    found = []
    for theme in THEMES:
        wear(page, theme)
        if pictures:
            picture(page, f"{name}-{theme}")
        found += [f"{name}, {theme}: {wrong}" for wrong in violations(page)]
    return found


def wear(page: Page, theme: str) -> None:
    """Show the page that is open light or dark."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.evaluate(SWITCH, theme)
    assert (page.evaluate(LIGHTNESS) < 128) == (theme == "dark"), f"{page.url} is not {theme}"


def violations(page: Page) -> list[str]:
    """What axe-core holds to be grave: rule, element, and what is wrong with it."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
        page.evaluate(PARSE_ONCE)
    found: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run(document, {resultTypes: ['violations'], runOnly: rules}).then(({violations}) => violations)",
        RULES,
    )
    return [
        f"{rule['id']}: {' '.join(node['target'])}: {node['failureSummary']}"
        for rule in found
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
