"""Does each screen fit a telephone of 320 pixels, and can everything on it be pressed? Statement 29."""

from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from dashboard.pages import NAVIGATION
from tests.dashboard.browsing import looking

PHONE = {"width": 320, "height": 640}
SMALLEST_PX = 24
JUDGE = (Path(__file__).parent / "targets.js").read_text()


def addresses(own_key: int, request_id: str) -> Iterator[str]:
    yield from ("/", "/dashboard/settings/", "/dashboard/invoices/", "/dashboard/find/?q=sandbox", "/dashboard/start/")
    yield from (f"/dashboard/{page.path}" for page in NAVIGATION)
    yield f"/dashboard/requests/req_{request_id}/"
    yield "/dashboard/usage/?tenant=demo&model=sandbox-mini&range=7d"
    yield "/dashboard/usage/keys/new/"
    yield from (f"/dashboard/usage/keys/{own_key}/{verb}/" for verb in ("rotate", "revoke"))
    yield f"/dashboard/live/req_{request_id}/cancel/"
    yield "/dashboard/requests/?status=rejected&tenant=demo"  # filtered to nothing
    yield "/dashboard/nothing-here/"
    yield f"/dashboard/requests/req_{'0' * 32}/"  # names an id that cannot be found


def test_statement_29_nothing_but_tables_scrolls_sideways_and_whatever_is_pressed_is_large_enough(
    chromium, live_server, signed_in, traffic, own_key
):
    wrong = {}
    with looking(chromium, live_server.url, signed_in, viewport=PHONE) as (page, _):
        for address in addresses(own_key, traffic[-1].id):
            page.goto(address)
            if problems := judged(page):
                wrong[address] = problems
    assert not wrong, "\n".join(f"{address}: {one}" for address, all_ in wrong.items() for one in all_)


def judged(page: Page) -> list[str]:
    """What is wrong with it as it comes and with everything unfolded."""
    shut = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = page.evaluate(JUDGE, SMALLEST_PX)
    assert found["targets"] > 1, page.url
    sideways = [f"the page is {number} px too wide" for number in {shut, found["page"]} if number]
    return [*sideways, *(f"scrolls: {one}" for one in found["wide"]), *(f"small: {one}" for one in found["small"])]


def test_on_a_telephone_an_empty_list_takes_no_room_and_heads_stand_in_one_line(
    chromium, live_server, signed_in, traffic
):
    with looking(chromium, live_server.url, signed_in, viewport={"width": 390, "height": 844}) as (page, _):
        page.goto("/dashboard/live/")
        assert page.locator("#live-empty").is_visible()
        assert page.locator(".live-list").bounding_box()["height"] < 120
        for address in ("/dashboard/upstreams/", "/dashboard/reliability/", "/dashboard/budgets/"):
            page.goto(address)
            rows = page.locator("thead tr").evaluate_all("all => all.map((one) => one.getBoundingClientRect().height)")
            assert max(rows) < 50, address


def test_a_table_that_a_telephone_lays_out_is_read_without_scrolling(
    chromium, live_server, signed_in, traffic, served, drill
):
    cut = []
    with looking(chromium, live_server.url, signed_in, viewport=PHONE) as (page, _):
        for address in (f"/dashboard/drill/?run={drill}", "/dashboard/start/", "/dashboard/savings/"):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            tables = page.locator("table.laid")
            tables.first.get_by_role("columnheader").first.wait_for(state="attached")
            over = tables.evaluate_all("all => all.map((one) => one.scrollWidth - one.parentElement.clientWidth)")
            assert over, address
            cut += [(address, pixels) for pixels in over if pixels > 0]
    assert cut == []
