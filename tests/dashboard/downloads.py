"""The tables of the dashboard as a spreadsheet would read them."""

import csv
import io

from asgiref.sync import async_to_sync
from django.test import Client


def rows_of(browser: Client, panel: str, **words: str) -> list[list[str]]:
    """The lines of a panel's file, `page/panel`, the heads first."""
    answer = browser.get(f"/dashboard/panels/{panel}.csv", words)
    assert answer.status_code == 200, answer.content

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return list(csv.reader(io.StringIO(async_to_sync(whole)().decode())))
