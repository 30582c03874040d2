"""The HTTP client's tests run on both event loops: the workers' and the standard library's."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from providers import http

from .rawupstream import LOOPS, Run


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def run(request) -> Run:
    def run_there(work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(_then_close(work))

    return run_there


async def _then_close(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await work
    finally:
        await http.close()
