#!/usr/bin/env python3
"""What does a live page do for ten minutes, and while PostgreSQL is away?

    bench/livepage.py [--seconds 600] [--away 30] [--rate 4]

An installation as in production with a PostgreSQL of its own, traffic, and Chromium on the overview and on the page of
what runs now. Prints for each: layout shift, growth of the script's memory after a collection, whether the canvases are
the same nodes and the focus was kept, what a hidden tab asked for; then whether the figures stayed while the database
was stopped, what the page said meanwhile, and how long after its return it was fresh again without being loaded anew.
"""

import argparse
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
from playwright.sync_api import CDPSession, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.chaos import configuration  # noqa: E402
from bench.production import Production, production  # noqa: E402
from bench.services import Postgres, services  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402
from tests.halves import BROWSER_FLAGS, browser_path  # noqa: E402

PAGES = {"overview": "/dashboard/?range=1h&live=10s", "what runs now": "/dashboard/live/"}
PERSON = """
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
person = User.objects.create_superuser("bench")
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(person.pk), person.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session.save()
print("session", session.session_key)
"""
WATCH = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => {
        if (!one.hadRecentInput) window.shifted += one.value;
    })).observe({ type: "layout-shift" });
    window.canvases = [...document.querySelectorAll("canvas")];
    window.loaded = true;
    const first = document.querySelector("main a[href], main button");
    first.focus();
    window.focused = document.activeElement;
}"""
SAME = "() => window.canvases.every((one, at) => one === document.querySelectorAll('canvas')[at])"
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def traffic(installation: Production, rate: float, over: threading.Event) -> None:
    """Ask so many times per second, whatever the answer."""
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {installation.key}"}
    with httpx.Client(base_url=installation.url, headers=headers, timeout=10) as client:
        while not over.wait(1 / rate):
            with suppress(httpx.HTTPError):
                client.post("/v1/chat/completions", json=body)


def memory_mb(session: CDPSession) -> float:
    """What the page's script keeps, after a collection."""
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def figure(page: Page) -> str:
    """The first number on the overview."""
    return page.locator(".tile .value").first.text_content() or ""


def watched(page: Page, name: str, seconds: float) -> None:
    """Leave a page open; print what became of it, and what a hidden tab asks for."""
    session = page.context.new_cdp_session(page)
    page.goto(PAGES[name])
    page.wait_for_timeout(15_000)  # its first polls
    page.evaluate(WATCH)
    before, asked = memory_mb(session), []
    page.on("request", lambda sent: asked.append(sent.url))
    page.wait_for_timeout(seconds * 1000)
    grown, live = memory_mb(session) - before, len(asked)
    kept = page.evaluate("() => document.activeElement === window.focused")
    print(
        f"{name}: {seconds:.0f} s, {live} requests, layout shift {page.evaluate('window.shifted'):.4f}, "
        f"memory {grown:+.1f} MB from {before:.1f}, same canvases {page.evaluate(SAME)}, focus kept {kept}"
    )
    page.evaluate(HIDE, True)
    page.wait_for_timeout(3000)  # what was under way
    asked.clear()
    page.wait_for_timeout(30_000)
    print(f"{name}: hidden for 30 s, {len(asked)} requests")
    page.evaluate(HIDE, False)


def away(page: Page, postgres: Postgres, seconds: float) -> None:
    """Stop the database under the overview."""
    page.goto(PAGES["overview"])
    page.wait_for_timeout(12_000)
    page.evaluate("window.loaded = true")
    then, line = figure(page), page.locator("#fresh")
    postgres.stop()
    page.wait_for_timeout(seconds * 1000)
    print(f"database away {seconds:.0f} s: figure {then} -> {figure(page)}, says {line.text_content().strip()!r}")
    postgres.start()
    back = time.monotonic()
    while "retrying" in (line.text_content() or "") and time.monotonic() - back < 120:
        page.wait_for_timeout(200)
    took, anew = time.monotonic() - back, not page.evaluate("window.loaded === true")
    said = line.text_content().strip()
    print(f"fresh {took:.1f} s after its return, figure {figure(page)}, loaded anew {anew}: {said!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--away", type=float, default=30)
    parser.add_argument("--rate", type=float, default=4)
    chosen, browser = parser.parse_args(), browser_path()
    if browser is None:
        sys.exit("no Chromium found: install chromium, or set CHROMIUM to its path")
    with services() as (postgres, cache), Sandbox.start("openai", process=True) as sandbox:
        settings = {"DATABASE_URL": postgres.url, "REDIS_URL": cache.url}
        with production(configuration(sandbox), **settings) as installation, sync_playwright() as playwright:
            over = threading.Event()
            threading.Thread(target=traffic, args=(installation, chosen.rate, over), daemon=True).start()
            key = installation.manage("shell", "-v0", "-c", PERSON).split("session ")[1].split()[0]
            chromium = playwright.chromium.launch(executable_path=str(browser), args=BROWSER_FLAGS)
            context = chromium.new_context(base_url=installation.url, viewport={"width": 1440, "height": 900})
            context.add_cookies([{"name": "sessionid", "value": key, "url": installation.url}])
            for name in PAGES:
                watched(context.new_page(), name, chosen.seconds)
            away(context.new_page(), postgres, chosen.away)
            over.set()
            chromium.close()


if __name__ == "__main__":
    main()
