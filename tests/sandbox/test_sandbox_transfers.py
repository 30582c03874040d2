"""Faults of how an answer travels, of its framing, its characters and its counts, as their bytes arrive at a socket."""

import gzip
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from providers.sandbox import nowhere
from providers.sandbox.certificates import Authority
from providers.sandbox.testing import Sandbox, Step, fault, tool_call
from tests.sandbox.plain_calls import ANSWER_KEYS, MODELS, asked, call, finish_of, said, with_fault

EMOJI = "Zoë 👩‍👩‍👧"


@pytest.fixture(params=tuple(MODELS))
def sandbox(request, sandbox_of) -> Sandbox:
    return sandbox_of(request.param)


@pytest.fixture(params=[False, True], ids=["json", "stream"])
def stream(request) -> bool:
    return request.param


@contextmanager
def connected(sandbox: Sandbox) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=2)
    try:
        yield connection
    finally:
        connection.close()


def post(connection: http.client.HTTPConnection, sandbox: Sandbox, stream: bool = False) -> http.client.HTTPResponse:
    path, body = asked(sandbox.wire, MODELS[sandbox.wire], stream)
    connection.request("POST", path, json.dumps(body), {"anthropic-version": "1"})
    return connection.getresponse()


def raw_bytes(sandbox: Sandbox) -> bytes:
    """Everything that comes over one connection until it closes or falls silent."""
    path, body = asked(sandbox.wire, MODELS[sandbox.wire], False)
    content = json.dumps(body).encode()
    with socket.create_connection(urlsplit(sandbox.url).netloc.split(":"), timeout=2) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nanthropic-version: 1\r\ncontent-length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content)
        seen = b""
        try:
            while data := connection.recv(65536):
                seen += data
        except TimeoutError:
            pass
        return seen


def test_row_15_compresses(sandbox, stream):
    healthy, seen = call(sandbox, stream=stream), with_fault(sandbox, "gzip", stream=stream)
    assert seen.headers["content-encoding"] == "gzip" and b"Paris" in gzip.decompress(seen.body)
    assert (seen.status, seen.error, healthy.headers.get("content-encoding")) == (200, None, None)


def test_row_15_breaks_off_what_is_compressed(sandbox, stream):
    seen = with_fault(sandbox, "gzip_truncated", stream=stream)
    assert seen.headers["content-encoding"] == "gzip" and seen.error is None
    with pytest.raises(EOFError):
        gzip.decompress(seen.body)


def test_row_15_lies_about_the_encoding_and_sends_a_bomb(sandbox, stream):
    seen = with_fault(sandbox, "gzip_false", stream=stream)
    assert seen.headers["content-encoding"] == "gzip" and b"Paris" in seen.body
    bomb = with_fault(sandbox, "gzip_bomb", stream=stream, size=10_000_000)
    assert len(bomb.body) < 20_000 and len(gzip.decompress(bomb.body)) == 10_000_000


def test_row_16_promises_another_length(sandbox, stream):
    seen = with_fault(sandbox, "length_long", stream=stream)
    assert (seen.status, seen.error) == (200, http.client.IncompleteRead) and b"Paris" in seen.body
    healthy, seen = call(sandbox, stream=stream), with_fault(sandbox, "length_short", stream=stream)
    assert len(seen.body) == int(seen.headers["content-length"]) < len(healthy.body) * 0.6


def test_row_16_answers_twice(openai_sandbox):
    openai_sandbox.script(fault("answer_twice"))
    seen = raw_bytes(openai_sandbox)
    assert seen.count(b"HTTP/1.1 200 OK") == 2 and seen.endswith(b'{"poison":true}')


def test_row_22_takes_its_time_per_token(sandbox):
    assert with_fault(sandbox, "slow_tokens", stream=True, seconds=0.0).error is None
    seen = with_fault(sandbox, "slow_tokens", stream=True, seconds=10.0)
    assert (seen.status, said(seen), seen.error) == (200, "", TimeoutError)


def test_row_23_sends_a_line_without_end(sandbox, stream):
    sandbox.script(fault("endless_line"))
    with connected(sandbox) as connection:
        seen = post(connection, sandbox, stream).read(2_000_000)
    assert len(seen) == 2_000_000 and b"\n" not in seen[-1_500_000:]
    assert sandbox.calls(ended=True)[-1].left_early


def test_row_24_escapes_and_breaks_characters(sandbox, stream):
    sandbox.script(Step(text=EMOJI, fault="ascii_escapes"))
    seen = call(sandbox, stream=stream)
    assert seen.body.isascii() and b"\\ud83d\\udc69" in seen.body
    assert said(seen) == EMOJI if stream else True
    assert b"\xff\xc3" in with_fault(sandbox, "invalid_utf8", stream=stream).body
    lone = with_fault(sandbox, "lone_surrogate", stream=stream)
    assert lone.body.count(b"\\ud83d") == 1 and lone.error is None


def test_row_25_goes_on_for_ever(sandbox):
    sandbox.script(fault("open_after_end"))
    with connected(sandbox) as connection:
        assert len(post(connection, sandbox, stream=True).read(100_000)) == 100_000
    assert sandbox.calls(ended=True)[-1].left_early


def test_row_26_writes_lines_in_every_way(sandbox):
    healthy = call(sandbox, stream=True)
    bom = with_fault(sandbox, "bom", stream=True)
    assert bom.body.startswith(b"\xef\xbb\xbf") and len(bom.body) == len(healthy.body) + 3
    for name, mark in {
        "cr": b"\r\r",
        "many_lines": b"data: {",
        "no_space": b"data:{",
        "other_fields": b"id: 7\n",
    }.items():
        seen = with_fault(sandbox, name, stream=True).body
        assert mark in seen or sandbox.wire == "ollama"
        assert (seen != healthy.body) == (sandbox.wire != "ollama") or b'"created' in seen
    assert b"\n" not in with_fault(sandbox, "cr", stream=True).body or sandbox.wire == "ollama"


def test_row_27_counts_twice(sandbox):
    seen, healthy = with_fault(sandbox, "usage_twice", stream=True), call(sandbox, stream=True)
    more = 1 if sandbox.wire == "openai" else 0  # the others tell their counts with something else
    assert len(seen.events) == len(healthy.events) + more


def test_row_29_odd_deltas_and_tool_calls(openai_sandbox, stream):
    healthy = call(openai_sandbox, stream=True)
    assert len(with_fault(openai_sandbox, "empty_deltas", stream=True).events) > len(healthy.events)
    calls = tool_call("add", a=1).tool_calls + tool_call("add", a=2).tool_calls
    openai_sandbox.script(Step(fault="tool_gaps", tool_calls=calls), Step(fault="tool_id_twice", tool_calls=calls))
    gaps, same = call(openai_sandbox, stream=stream).body, call(openai_sandbox, stream=stream).body
    assert same.count(b'"id":"call_same"') == 2
    assert (b'"index":3' in gaps) == stream


def test_row_29_empty_deltas_leave_other_wires_alone(sandbox):
    assert with_fault(sandbox, "empty_deltas", stream=True).error is None


def test_row_34_speaks_http_in_odd_ways(sandbox, stream):
    for name in ("trailers", "http10"):
        seen = with_fault(sandbox, name, stream=stream)
        assert (seen.status, seen.error) == (200, None) and b"Paris" in seen.body, name


def test_row_34_as_it_stands_on_the_line(openai_sandbox):
    openai_sandbox.script(fault("trailers"), fault("http10"), fault("interim"))
    trailers, old, interim = (raw_bytes(openai_sandbox) for _ in range(3))
    assert trailers.endswith(b"0\r\nx-checksum: 4711\r\n\r\n")
    assert old.startswith(b"HTTP/1.0 200") and b"content-length" not in old
    assert interim.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 ") and b"HTTP/1.1 200 OK" in interim


def test_row_34_tears_down_a_connection_that_has_served(sandbox):
    sandbox.script("Hello", fault("reset_reused"), fault("reset_reused"))
    with connected(sandbox) as connection:
        assert post(connection, sandbox).read()
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            post(connection, sandbox)
    with connected(sandbox) as connection:
        assert b"Paris" in post(connection, sandbox).read()
    calls = sandbox.calls(ended=True)
    assert [(call.served_before, call.dropped) for call in calls] == [(0, False), (1, True), (0, False)]


def test_row_35_forgets_the_id_and_has_an_odd_time(openai_sandbox, stream):
    seen = with_fault(openai_sandbox, "odd_head", stream=stream)
    assert b"1735689600.25" in seen.body and b'"id"' not in seen.body


def test_row_14_wrong_types(sandbox, stream):
    seen = with_fault(sandbox, "wrong_types", stream=stream)
    key = ANSWER_KEYS[sandbox.wire]
    assert b'{"wrong":[1,{"type":true}]}' in seen.body and (stream or key.encode() in seen.body)


def test_row_36_flaps(sandbox, stream):
    assert with_fault(sandbox, "flaps", stream=stream, seconds=1e9).status == 503
    sandbox.script(Step(fault="flaps", seconds=0.05), lasting=True)
    seen, until = set(), time.monotonic() + 10
    while seen != {200, 503} and time.monotonic() < until:
        seen.add(call(sandbox, stream=stream).status)
    assert seen == {200, 503}


def test_a_stream_that_nobody_asked_for_may_have_a_fault_too(sandbox):
    sandbox.script(Step(fault="eof_no_finish", streams=True))
    seen = call(sandbox, stream=False)
    assert "Paris" in said(seen) and finish_of(seen) == []


def test_a_script_for_one_model_leaves_others_alone_and_may_last(openai_sandbox):
    openai_sandbox.script(fault("500"), fault("503"), model="sandbox-mini", lasting=True)
    statuses = [call(openai_sandbox, stream=False, model="sandbox-mini").status for _ in range(3)]
    assert statuses == [500, 503, 503]
    assert call(openai_sandbox, stream=False, model="sandbox-large").status == 200
    assert [c.fault for c in openai_sandbox.calls(model="sandbox-large")] == [None]
    assert len(openai_sandbox.calls(model="sandbox-mini")) == 3


@pytest.mark.parametrize("flaw", ["", "expired", "wrong_host", "self_signed"])
def test_row_4_certificates_have_the_flaw_that_was_asked_for(tmp_path, flaw):
    authority = Authority(tmp_path)
    trusting = ssl.create_default_context(cafile=authority.trusted)
    with Sandbox.start("openai", certificate=authority.issue(flaw)) as sandbox:
        host, port = urlsplit(sandbox.url).netloc.split(":")
        with socket.create_connection((host, int(port)), timeout=2) as plain:
            if not flaw:
                with trusting.wrap_socket(plain, server_hostname=host) as trusted:
                    assert trusted.version() == "TLSv1.3"
            else:
                with pytest.raises(ssl.SSLCertVerificationError) as refused:
                    trusting.wrap_socket(plain, server_hostname=host)
                reason = {"expired": "expired", "wrong_host": "mismatch", "self_signed": "self-signed"}[flaw]
                assert reason in str(refused.value)
        assert sandbox.calls() == []


def test_rows_1_to_3_nobody_is_there():
    with nowhere.refusing() as refusing, pytest.raises(ConnectionRefusedError):
        socket.create_connection(urlsplit(refusing).netloc.split(":"), timeout=1)
    with nowhere.swallowing() as swallowing, pytest.raises(TimeoutError):
        socket.create_connection(urlsplit(swallowing).netloc.split(":"), timeout=1)
    for name in (nowhere.UNKNOWN, nowhere.BROKEN):
        with pytest.raises(socket.gaierror):
            nowhere.lookup(name, 80)
    assert nowhere.lookup("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)
