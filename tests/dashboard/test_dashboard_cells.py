"""Can the cells of a timeline be told apart, pressed and heard, in any window?"""

import pytest

from tests.dashboard.browsing import looking
from tests.dashboard.statements.test_statements_small import judged
from tests.dashboard.test_dashboard_reliability import MINI, PAGE, minute
from tests.looks import looked_at
from usage import states

pytestmark = pytest.mark.django_db


def test_cells_of_every_state_can_be_told_apart_pressed_and_heard(chromium, live_server, signed_in, traffic):
    kinds = ("open", "half_open", "cooldown", "off")
    states.record([(minute(ago), "", "watched") for ago in range(20)])
    states.record([(minute(place), MINI, kind) for place, kind in enumerate(kinds)])
    with looking(chromium, live_server.url, signed_in, viewport={"width": 320, "height": 640}) as (page, problems):
        page.goto(f"{PAGE}?range=1h")
        page.wait_for_load_state("networkidle")
        assert looked_at(page, "states", pictures=False) == []
        assert judged(page) == []
        cells = page.locator("section.timeline").first.locator(".cell")
        assert {cells.nth(place).inner_text() for place in range(60)} == {"✕", "◑", "◔", "–", "✓", "?"}
        page.set_viewport_size({"width": 1280, "height": 800})
        tops = {cells.nth(place).bounding_box()["y"] for place in range(60)}
        assert len(tops) == 1, "sixty cells stand in one row on a desk"
        table = page.locator("#panel-deployments .scroll").first
        assert table.evaluate("box => box.scrollWidth - box.clientWidth") <= 0, "its table fits"
        assert judged(page) == []
        assert problems == []
