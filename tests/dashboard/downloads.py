"""The tables of the dashboard as a spreadsheet would read them."""

import csv
import io

from asgiref.sync import async_to_sync
from django.test import Client


def rows_of(browser: Client, panel: str, **words: str) -> list[list[str]]:
    """The lines of a panel's file, `page/panel`, the heads first."""
    return lines_at(browser, f"/dashboard/panels/{panel}.csv", **words)


def lines_at(browser: Client, address: str, **words: str) -> list[list[str]]:
    """The lines of a file that is sent while it is made."""
    answer = browser.get(address, words)
    assert answer.status_code == 200, answer.content

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return list(csv.reader(io.StringIO(async_to_sync(whole)().decode())))
