"""One Chromium for all tests of a process, for its start takes longer than most visits; each test has a context of its
own in it, with cookies, cache and pages that no other test sees."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 20_000  # of an expectation that names none: a busy machine takes seconds for what a person sees at once


class Chromium:
    """The browser at `path`: started when first looked into, and again where it has died since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def context(self, **options: Any) -> Iterator[BrowserContext]:
        """A context with these options of Playwright's `new_context`; closed with all its pages afterwards."""
        with self._awake():
            opened = self._started().new_context(**options)
            try:
                yield opened
            finally:
                opened.close()

    def close(self) -> None:
        """End the browser and what drives it."""
        with self._awake():
            if self._browser:
                self._browser.close()
            if self._playwright:
                self._playwright.stop()

    @contextmanager
    def _awake(self) -> Iterator[None]:
        """Playwright's loop counts as running between its calls, which forbids queries and coroutines as tests: it does
        so for as long as somebody looks."""
        outer = _running_loop()
        asyncio._set_running_loop(self._loop or outer)
        try:
            yield
        finally:
            self._loop = _running_loop()
            asyncio._set_running_loop(outer)

    def _started(self) -> Browser:
        if self._playwright is None:
            self._playwright = sync_playwright().start()
            expect.set_options(timeout=PATIENCE_MS)
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(executable_path=self._path, args=FLAGS)
        return self._browser


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
