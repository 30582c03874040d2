"""Can everybody use each screen? axe-core looks at all of them, light and dark, full and empty; so may you.

Each is opened once, and what is open is shown in both themes. Pictures of every screen, light and dark, on a desk and
on a telephone, are left in var/screens by the run.
"""

from collections.abc import Iterator

import pytest

from dashboard.pages import NAVIGATION
from tests.dashboard.browsing import looking
from tests.looks import SIZES, looked_at
from tests.people import session_of, staff

pytestmark = pytest.mark.django_db(transaction=True)
PARTS = 3  # of all screens, so that none takes a test's whole time on a slow machine


def addresses(request_id: str = "") -> Iterator[tuple[str, str]]:
    """Each screen's name and address."""
    yield "welcome", "/"
    for page in NAVIGATION:
        yield page.name, f"/dashboard/{page.path}"
    yield "start", "/dashboard/start/"
    yield "settings", "/dashboard/settings/"
    yield "invoices", "/dashboard/invoices/"
    yield "find", "/dashboard/find/?q=sandbox"
    if request_id:
        yield "request", f"/dashboard/requests/{request_id}/"


def forms(
    own_key: int, invoice: int, drill: int, served: tuple[int, int], request_id: str
) -> Iterator[tuple[str, str]]:
    """What a button leads to: questions before a deed, what a deed came to, and what is refused."""
    yield "start-used", "/dashboard/start/"
    yield "key-new", "/dashboard/usage/keys/new/"
    yield "sample", "/dashboard/start/sample/"
    yield from ((f"key-{verb}", f"/dashboard/usage/keys/{own_key}/{verb}/") for verb in ("revoke", "rotate"))
    yield "invoice", f"/dashboard/invoices/{invoice}/"
    yield "drill-card", f"/dashboard/drill/?run={drill}"
    yield "live-cancel", f"/dashboard/live/{request_id}/cancel/"
    yield from ((f"provider-{verb}", f"/dashboard/upstreams/acme/{verb}/") for verb in ("test", "key", "drain"))
    yield from ((f"model-{verb}", f"/dashboard/models/{served[0]}/{verb}/") for verb in ("test", "alias", "price"))
    yield from (
        (f"budget-{verb}", f"/dashboard/budgets/{served[1]}/{verb}/") for verb in ("raise", "notify", "thresholds")
    )
    yield "find-nothing", "/dashboard/find/?q=zebra"
    yield "filtered-to-nothing", "/dashboard/requests/?status=rejected&tenant=demo"
    yield "not-found", "/dashboard/nothing-here/"


@pytest.fixture(params=["full", "empty"])
def request_id(request: pytest.FixtureRequest) -> str:
    """The id of a recorded request, or none where nothing has happened yet."""
    if request.param == "empty":
        return ""
    told = request.getfixturevalue("traffic")
    return f"req_{next(one.id for one in reversed(told) if one.failovers)}"


@pytest.mark.parametrize("part", range(PARTS))
def test_statement_27_axe_finds_nothing_grave(chromium, live_server, signed_in, request_id, part):
    """The same visit takes the pictures, where there is something to see."""
    found = []
    with looking(chromium, live_server.url, signed_in, viewport=SIZES["desktop"]) as (page, problems):
        for name, address in list(addresses(request_id))[part::PARTS]:
            page.goto(address)
            page.wait_for_load_state("networkidle")
            assert not request_id or page.locator(".failed").count() == 0, name
            found += looked_at(page, name, pictures=bool(request_id))
        assert problems == []
    assert not found, "\n".join(found)


def test_statement_27_axe_finds_nothing_grave_where_something_is_done(
    chromium, live_server, signed_in, traffic, own_key, invoice, drill, served
):
    found = []
    with looking(chromium, live_server.url, signed_in, viewport=SIZES["desktop"]) as (page, problems):
        for name, address in forms(own_key, invoice, drill, served, f"req_{traffic[-1].id}"):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            found += looked_at(page, name)
        page.goto(f"/dashboard/usage/keys/{own_key}/rotate/")
        page.get_by_role("button", name="Make the new key").click()
        page.locator("#client-key").wait_for()
        found += looked_at(page, "key-made")
        assert [said for said in problems if "404" not in said] == []
    with looking(chromium, live_server.url, session_of(staff("new", "viewer")), viewport=SIZES["desktop"]) as (page, _):
        page.goto("/dashboard/")
        page.get_by_role("heading", name="Not allowed").wait_for()
        found += looked_at(page, "not-allowed")
    assert not found, "\n".join(found)
