"""What does the HTTP client make of what an upstream sends? Raw bytes over real sockets, on both event loops."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from providers import http
from providers.errors import BadUpstreamResponse, ProviderError, Unreachable, UpstreamTimeout
from providers.http.connection import BUFFER, HEAD_LIMIT
from providers.http.heads import head, place

from .rawupstream import OK, Run, Upstream, ask, says, serving, unread


def answered(run: Run, *scripts: Any, calls: int = 1) -> tuple[list[Any], Upstream]:
    """What each of several calls, one after another, came to: status and body, or the error."""
    upstream = Upstream(*scripts)

    async def work() -> list[Any]:
        found: list[Any] = []
        async with serving(upstream) as url:
            for _ in range(calls):
                try:
                    found.append(await ask(url))
                except ProviderError as exc:
                    found.append(exc)
                await asyncio.sleep(0.05)
            return found

    return run(work()), upstream


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([OK], b"ok"),
        ([OK[:9], OK[9:30], OK[30:-1], OK[-1:]], b"ok"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + OK], b"ok"),
        ([b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", OK], b"ok"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nx-sum: 1\r\n\r\n"], b"ok"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"], b""),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2  \r\nok\r\n0 \r\n\r\n"], b"ok"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n"], b"ok"),
        ([b"HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\ncontent-length: 2\r\n\r\nok"], b"ok"),
        ([b"HTTP/1.1 200 OK\r\nx:\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok"], b"ok"),
    ],
    ids=[
        "whole",
        "split",
        "continue",
        "early-hints",
        "trailers",
        "empty",
        "spaces-behind-sizes",
        "chunk-extension",
        "identity",
        "an-offer-to-upgrade",
    ],  # fmt: skip
)
def test_an_answer_is_read_and_its_connection_serves_the_next_call(run, pieces, body):
    found, upstream = answered(run, says(*pieces), says(OK), calls=2)
    assert found == [(200, body), (200, b"ok")]
    assert [len(calls) for calls in upstream.calls] == [2]


@pytest.mark.parametrize(
    "first",
    [
        says(b"HTTP/1.0 200 OK\r\n\r\no", b"k", then_close=True),
        says(b"HTTP/1.1 200 OK\r\n\r\nok", then_close=True),
        says(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"),
        says(OK + b"more"),
        says(OK, b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"),
    ],
    ids=["http-1.0", "until-the-end", "close", "more-than-its-length", "an-answer-to-nobody"],
)
def test_a_connection_that_may_not_serve_again_does_not(run, first):
    found, upstream = answered(run, first, says(OK), calls=2)
    assert found == [(200, b"ok"), (200, b"ok")]
    assert [len(calls) for calls in upstream.calls] == [1, 1]


@pytest.mark.parametrize(
    ("pieces", "error", "text"),
    [
        ([b""], Unreachable, "the connection broke"),
        ([OK[:20]], Unreachable, "the connection broke"),
        ([OK[:-1]], Unreachable, "ended early"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok"], Unreachable, "ended early"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"zz\r\nok"], Unreachable, "malformed"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], BadUpstreamResponse, "no HTTP"),
        ([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"], ProviderError, ""),
        ([b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (HEAD_LIMIT // 6), b"x: y\r\n"], BadUpstreamResponse, "is longer"),
        (
            [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", *[b"y" * HEAD_LIMIT] * 3],
            BadUpstreamResponse,
            "is longer",
        ),
        (
            [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok"],
            BadUpstreamResponse,
            "compress",
        ),
    ],
    ids=[
        "nothing",
        "half-a-head",
        "short",
        "half-a-chunk",
        "bad-chunk",
        "ssh",
        "upgrade",
        "endless-head",
        "endless-trailer",
        "gzip",
    ],
)
def test_a_broken_answer_is_an_error_and_not_asked_for_again(run, pieces, error, text):
    (found,), upstream = answered(run, says(*pieces, then_close=True))
    assert isinstance(found, error) and text in found.message
    assert [len(calls) for calls in upstream.calls] == [1]


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 2\r\ncontent-length: 2",
        b"content-length: 2\r\nContent-Length: 3",
        b"content-length: 2, 2",
        b"content-length: -2",
        b"content-length: +2",
        b"content-length: 0x2",
        b"content-length: 99999999999999999999",
        b"content-length: 2\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ncontent-length: 2",
        b"x: 1\r\n content-length: 3\r\ncontent-length: 2",
        b"content-length : 2",
        b"x: 1\ncontent-length: 2",
        b"x: \0\r\ncontent-length: 2",
    ],
)
def test_a_head_that_can_be_framed_in_two_ways_is_refused(run, head):
    (found,), _ = answered(run, says(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\nok", then_close=True))
    assert isinstance(found, BadUpstreamResponse)


@pytest.mark.parametrize(
    "chunk", [b"2\nok\n", b"-2\r\nok\r\n", b"0x2\r\nok\r\n", b"3\r\nok", b"2 5\r\nok\r\n", b"f" * 17]
)
def test_a_chunk_that_can_be_read_in_two_ways_is_refused(run, chunk):
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    (found,), _ = answered(run, says(head + chunk + b"\r\n0\r\n\r\n", then_close=True))
    assert isinstance(found, Unreachable) and "malformed" in found.message


def test_an_interim_answer_behind_an_answer_does_not_take_its_headers(run):
    async def work() -> None:
        async with serving(Upstream(says(OK + b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"))) as url:
            deadline = asyncio.get_running_loop().time() + 10
            async with http.Exchange(url, (), b"{}", 3.0, deadline) as reply:
                assert reply.headers == {"content-length": "2"}

    run(work())


def test_an_event_loop_that_was_closed_without_its_connections_is_let_go(run):
    last = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"

    async def work() -> weakref.ref[asyncio.AbstractEventLoop]:
        async with serving(Upstream(says(last))) as url:
            assert await ask(url) == (200, b"ok")
            await asyncio.sleep(0.1)  # until the upstream has heard of it
        return weakref.ref(asyncio.get_running_loop())

    with asyncio.Runner() as runner:
        left = runner.run(work())
    run(work())
    gc.collect()
    assert left() is None


def test_a_connection_that_died_at_rest_is_replaced_once_and_in_silence(run):
    found, upstream = answered(run, says(OK), says(then_close=True), says(OK), calls=2)
    assert found == [(200, b"ok"), (200, b"ok")]
    assert [len(calls) for calls in upstream.calls] == [2, 1]


def test_a_call_that_had_begun_to_be_answered_is_not_sent_again(run):
    found, upstream = answered(run, says(OK), says(OK[:20], then_close=True), calls=2)
    assert found[0] == (200, b"ok") and isinstance(found[1], Unreachable)
    assert [len(calls) for calls in upstream.calls] == [2]


def test_a_body_that_nobody_reads_stays_with_the_upstream(run):
    size, sent = 64 * BUFFER, 0

    async def pours(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(64):
            writer.write(b"x" * BUFFER)
            await writer.drain()
            sent += BUFFER

    async def work() -> None:
        async with serving(Upstream(pours, says(OK))) as url:
            deadline = asyncio.get_running_loop().time() + 30
            async with http.Exchange(url, (), b"{}", 3.0, deadline) as reply:
                await asyncio.sleep(1)
                held = sent
                assert held < size, "all of it was taken, though nobody read"
                assert len(await reply.read_all(deadline, size)) == size
            assert await ask(url) == (200, b"ok")

    run(work())


def test_a_refusal_before_the_whole_body_was_sent_is_heard(run):
    async def work() -> tuple[int, bytes]:
        async with serving(Upstream(unread)) as url:
            return await ask(url, b"x" * 50_000_000)

    assert run(work()) == (413, b"big")


def test_leaving_early_closes_and_leaving_after_the_end_mark_keeps(run):
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"
    upstream = Upstream(says(endless, b"0\r\n\r\n"), says(endless), says(endless))

    async def begin(url: str) -> None:
        deadline = asyncio.get_running_loop().time() + 10
        async with http.Exchange(url, (), b"{}", 3.0, deadline) as reply:
            assert await reply.read(deadline, "late") == b"ok"

    async def work() -> None:
        async with serving(upstream) as url:
            await begin(url)
            await asyncio.sleep(0.1)
            assert upstream.closed == 0
            await begin(url)  # whose end never comes: it is given a moment for it
            await asyncio.sleep(0.1)
            assert upstream.closed == 0
            await asyncio.sleep(1)
            assert upstream.closed == 1
            with pytest.raises(UpstreamTimeout, match="not complete"):
                await ask(url, limit_s=0.3)
            await asyncio.sleep(0.1)
            assert upstream.closed == 2

    run(work())


def test_a_head_says_what_the_url_and_the_operator_want():
    where = place("https://[::1]:8443/v1/modèles/a b:x?alt=sse")
    assert where.origin == (True, "::1", 8443)
    lines = head(where, (("user-agent", "ours"), ("accept-encoding", "br"), ("x-own", "é")), 2).split(b"\r\n")
    assert lines[:2] == [b"POST /v1/mod%C3%A8les/a%20b:x?alt=sse HTTP/1.1", b"host: [::1]:8443"]
    assert lines[2:] == [
        b"accept: */*", b"accept-encoding: identity", b"user-agent: ours", "x-own: é".encode(), b"content-length: 2",
        b"", b"",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example./v1", "a.example"),
        ("https://[fe80::1%25eth0]/", "fe80::1"),
        ("https://A.example", "a.example"),
    ],
)
def test_a_host_has_to_prove_its_name_as_certificates_have_it(url, name):
    assert place(url).origin.name == name


def test_a_host_in_another_script_is_asked_for_as_its_servers_know_it():
    where = place("http://bücher.example/v1")
    assert (where.origin.host, where.origin.port) == ("xn--bcher-kva.example", 80)
    assert "host: xn--bcher-kva.example\r\n" in where.usual


@pytest.mark.parametrize("value", ["a\r\nx-other: b", "a\nb", "a\rb"])
def test_a_header_cannot_smuggle_another(value):
    with pytest.raises(ValueError, match="line break"):
        head(place("http://127.0.0.1/v1"), (("x-own", value),), 0)
