"""Which connection carries a call, and whose fault is it that there is none? Over real sockets, on both event loops."""

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from providers.errors import NotAsked, Unreachable
from providers.http import exchange, pool

from .rawupstream import OK, Upstream, ask, says, serving


async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Work on the call for a while."""
    await asyncio.sleep(0.5)
    raise ConnectionError


@contextmanager
def no_more_files() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_call_that_a_kept_connection_has_carried_for_a_while_is_not_sent_again(run, monkeypatch):
    monkeypatch.setattr(exchange, "DEAD_S", 0.2)
    upstream = Upstream(says(OK), breaks, says(OK))

    async def work() -> None:
        async with serving(upstream) as url:
            assert await ask(url) == (200, b"ok")
            with pytest.raises(Unreachable, match="broke"):
                await ask(url)

    run(work())
    assert [len(calls) for calls in upstream.calls] == [2]


def test_a_host_that_says_no_is_told_from_one_that_is_not_heard(run):
    async def work() -> None:
        async with serving(Upstream()) as url:
            pass
        for address, refused in ((url, True), ("http://nowhere.invalid", False)):
            with pytest.raises(Unreachable) as caught:
                await ask(address)
            assert (caught.value.connection_refused, caught.value.connected) == (refused, False)

    run(work())


def test_that_we_have_no_more_sockets_is_not_the_upstreams_fault(run):
    async def work() -> None:
        async with serving(Upstream(says(OK))) as url:
            with no_more_files(), pytest.raises(NotAsked):
                await ask(url)
            assert await ask(url) == (200, b"ok")

    run(work())


def test_calls_that_are_given_up_at_any_moment_leave_nothing_behind(run):
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in (b"HTTP/1.1 200 OK\r\n", b"transfer-encoding: chunked\r\n\r\n", b"2\r\nok\r\n", b"0\r\n\r\n"):
            writer.write(piece)
            await asyncio.sleep(0.005)

    async def given_up(url: str, after_s: float) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(after_s):
                await ask(url)
                await asyncio.sleep(30)

    async def work() -> None:
        async with serving(Upstream(*[slow] * 400)) as url:
            tasks = len(asyncio.all_tasks())
            open_files = len(os.listdir("/proc/self/fd"))
            named = url.replace("127.0.0.1", "localhost")
            await asyncio.gather(*(given_up((url, named)[n % 2], n % 50 / 1000) for n in range(200)))
            await pool.close()
            while len(asyncio.all_tasks()) > tasks or len(os.listdir("/proc/self/fd")) > open_files:
                await asyncio.sleep(0.01)

    run(asyncio.wait_for(work(), 60))
