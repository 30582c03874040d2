"""A drill as a person plays it: started on its page, played by a worker, watched in a browser where one is found."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import httpx
from playwright.sync_api import Page

from tests.browsers import Chromium
from tests.dashboard.browsing import looking
from tests.gateway.gateway import Gateway, manage
from tests.halves import browser_path

PACE = 0.1  # of the real times
PAGE = "/dashboard/drill/"
WHO = "from tests.people import *; print(session_of(staff('ana', 'operator', 'every tenant')))"
PLAY = (
    "import json; from profiling.models import Job; from profiling.runner import run_due;"
    f"from routing.models import DrillRun; DrillRun.objects.update(pace={PACE}); run_due();"
    "print(json.dumps([DrillRun.objects.get().scores, Job.objects.get(kind='drill').state]))"
)
LOOK_MS = 200


@dataclass
class Seen:
    """What the page showed; nothing without a browser."""

    waiting: str = ""
    statuses: list[str] = field(default_factory=list)  # one after the other
    over: str = ""  # the card
    rows: list[str] = field(default_factory=list)
    file: list[str] = field(default_factory=list)  # its lines
    problems: list[str] = field(default_factory=list)


@dataclass
class Played:
    scores: list[dict]
    job: str  # its state
    seen: Seen


def play(gateway: Gateway) -> Played:
    """Press the button, let a worker do what is due, and look on."""
    session = manage(gateway.var, "shell", "-v0", "-c", WHO, env=gateway.env).split()[-1]
    seen, path = Seen(), browser_path()
    if path is None:
        _press(gateway, session)
        with _worker(gateway) as told:
            scores, job = json.loads(told.result())
        return Played(scores, job, seen)
    with closing(Chromium(path)) as browser, looking(browser, gateway.url, session) as (page, seen.problems):
        page.goto(PAGE)
        page.locator("summary", has_text="Run the drill").click()
        page.get_by_role("button", name="Start the drill").click()
        seen.waiting = page.locator("#drill-card").inner_text()
        with _worker(gateway) as told:
            _watch(page, told, seen)
            scores, job = json.loads(told.result())
    return Played(scores, job, seen)


def _press(gateway: Gateway, session: str) -> None:
    cookies = {"sessionid": session, "csrftoken": "a" * 32}
    answer = httpx.post(gateway.url + PAGE, cookies=cookies, headers={"x-csrftoken": "a" * 32, "referer": gateway.url})
    assert answer.status_code == 302, answer.text


@contextmanager
def _worker(gateway: Gateway) -> Iterator[Future[str]]:
    """Does what is due; the last line that it says."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(lambda: manage(gateway.var, "shell", "-v0", "-c", PLAY, env=gateway.env).splitlines()[-1])


def _watch(page: Page, told: Future[str], seen: Seen) -> None:
    """Read the page until the drill is over, and then what stands there, without loading it anew."""
    while not told.done():
        status = page.locator("#drill-card [role=status]").inner_text()
        if status not in seen.statuses:
            seen.statuses.append(status)
        page.wait_for_timeout(LOOK_MS)
    page.locator("summary", has_text="Run the drill").wait_for()  # it has loaded itself anew, for this and the history
    seen.over = page.locator("#drill-card").inner_text()
    seen.rows = page.locator("#drill-card tbody tr").all_inner_texts()
    with page.expect_download() as got:
        page.locator("#drill-card").get_by_role("link", name="CSV").click()
    seen.file = got.value.path().read_text().splitlines()
