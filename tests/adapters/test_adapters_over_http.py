"""Every adapter that discovery finds, over real sockets, against the sandbox of its wire. Numbers are rows of the
fault table. A new adapter is tested here as soon as the sandbox plays its wire; the run writes docs/providers.md.
"""

import os
from collections.abc import AsyncIterator, Iterator

import httpx
import msgspec
import pytest

from providers.adapters import adapters
from providers.attempts import Marks, complete
from providers.embeddings import EmbeddingBody, EmbeddingRequest
from providers.errors import (
    AccessDenied,
    BadUpstreamResponse,
    ContentRefused,
    ContextTooLong,
    CredentialRejected,
    InvalidRequest,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    UnsupportedByWire,
    UpstreamNotFound,
)
from providers.http import close
from providers.probe import list_models
from providers.sandbox.testing import Sandbox, Step, fault
from providers.sandbox.wires import wire_names
from tests.adapters.contract import check
from tests.adapters.examples import SECRET, answered, chat, finish, text
from tests.adapters.framings import EVENT_STREAM, framings
from tests.adapters.overhttp import FORMS, Asker
from tests.adapters.providers_page import PAGE, Cells, page
from tests.adapters.rows import ROWS, SAID, Lacks

WRITES = "WRITE_DOCS"
cells: Cells = {}


@pytest.fixture(scope="module", params=sorted(adapters()))
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    if request.param not in wire_names():
        pytest.skip(f"the sandbox does not play {request.param} yet")
    with Sandbox.start(request.param) as started:
        yield started


@pytest.fixture(params=FORMS)
async def ask(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Asker]:
    """A sandbox that has forgotten the test before, and no connection left behind."""
    sandbox.reset()
    yield Asker(sandbox, request.param)
    await close()


def note(section: str, row: str, ask: Asker, what: str = "yes") -> None:
    cells[section, row, ask.sandbox.wire, ask.form] = what


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_what_a_caller_may_ask_for(ask, row):
    try:
        await row.tried(ask)
    except Lacks as lack:
        note("Requests and answers", row.name, ask, str(lack))
    except UnsupportedByWire as exc:
        assert exc.param in row.params and (exc.status, exc.code) == (400, "unsupported_parameter")
        assert not ask.sandbox.calls(chats=True), "it was sent all the same"
        note("Requests and answers", row.name, ask, f"400 `{exc.param}`")
    else:
        note("Requests and answers", row.name, ask)


def test_the_credential_is_presented_and_models_are_listed(sandbox):
    sandbox.reset()
    adapter = adapters()[sandbox.wire]
    listed = list_models(adapter, sandbox.base_url, SECRET, {})
    (call,) = sandbox.calls()
    assert any(SECRET.value in value for value in call.headers.values())
    assert len(listed) >= 3 and any(model.name.startswith("sandbox-") for model in listed)
    cells["Beside chat", "models listed", sandbox.wire, "whole"] = "yes"


async def test_vectors_where_the_wire_offers_them(sandbox):
    sandbox.reset()
    asked = embedding_request(["One", "Grüße 👩‍💻"])
    embedder = msgspec.structs.replace(Asker(sandbox, "whole").target, upstream_model="any-embedder")
    try:
        answer = answered(await complete(asked, embedder, SECRET, Marks()))
    except UnsupportedByWire:
        assert "embeddings" not in adapters()[sandbox.wire].operations() and not sandbox.calls(chats=True)
        return
    finally:
        await close()
    check(answer, "CreateEmbeddingResponse")
    assert [row["index"] for row in answer["data"]] == [0, 1] and answer["model"] == "ours"
    assert answer["data"][0]["embedding"] != answer["data"][1]["embedding"]
    cells["Beside chat", "embeddings", sandbox.wire, "whole"] = "yes"


def embedding_request(texts: list[str]) -> EmbeddingRequest:
    body = EmbeddingBody(model="ours", input=list(texts), encoding_format="float")
    return EmbeddingRequest(id="req_1", body=body, raw=msgspec.json.encode(body))


REFUSED = [
    ("429", RateLimited),
    ("429-quota", QuotaExhausted),
    ("400", InvalidRequest),
    ("401", CredentialRejected),
    ("403", AccessDenied),
    ("404", UpstreamNotFound),
    ("408", Overloaded),
    ("500", Overloaded),
    ("502", Overloaded),
    ("503", Overloaded),
    ("504", Overloaded),
    ("529", Overloaded),
    ("context_length", ContextTooLong),
    ("content_filter", ContentRefused),
    ("redirect", BadUpstreamResponse),
    ("html", BadUpstreamResponse),
    ("empty", BadUpstreamResponse),
    ("malformed", BadUpstreamResponse),
    ("missing_choices", BadUpstreamResponse),
    ("cut_before", ProviderError),
    ("cut_mid", ProviderError),
    ("big_line", BadUpstreamResponse),
    ("eof_no_finish", BadUpstreamResponse),
    ("error_in_stream_before", ProviderError),
    ("error_in_stream_after", ProviderError),
]
ONLY_STREAMS = {"big_line", "eof_no_finish", "error_in_stream_before", "error_in_stream_after"}
SAY_FILTERED = {"gemini"}  # wires that answer a prompt which the filter refuses, with that as the finish reason
WITH_TEXT_BEFORE = {"cut_mid", "eof_no_finish", "error_in_stream_after"}


@pytest.mark.parametrize(("name", "cls"), REFUSED)
async def test_rows_7_to_23_and_33_what_fails_is_an_error_of_its_class(ask, name, cls):
    if name in ONLY_STREAMS and ask.form == "whole":
        return None
    retry_after = 2 if name in ("429", "503") else None
    ask.sandbox.script(fault(name, retry_after=retry_after, after=3 if name in WITH_TEXT_BEFORE else None), SAID)
    if name == "content_filter" and ask.sandbox.wire in SAY_FILTERED:
        assert (await ask()).finish == "content_filter"
        return note("Errors", name, ask, "finish_reason `content_filter`")
    with pytest.raises(cls) as caught:
        await ask(messages=[{"role": "user", "content": "Say something long"}])
    assert cls is ProviderError or type(caught.value) is cls
    assert caught.value.retry_after_s == retry_after and SECRET.value not in caught.value.message
    if ask.form == "stream":
        assert bool(text(ask.chunks)) is (name in WITH_TEXT_BEFORE) and finish(ask.chunks) is None
    return note("Errors", name, ask, type(caught.value).__name__)


WEATHERED = ["done_twice", "role_twice", "json_for_stream", "sse_for_json", "wrong_model", "bad_usage", "split_utf8"]


@pytest.mark.parametrize("name", WEATHERED)
async def test_rows_24_to_29_and_35_what_is_put_right(ask, name):
    ask.sandbox.script(Step(text=SAID, fault=name))
    said = await ask()
    assert (said.text, said.finish, said.models) == (SAID, "stop", {"ours"})
    note("Odd answers", name, ask)


async def test_row_25_an_end_mark_may_be_missing_where_a_finish_reason_came_but_not_message_stop(ask):
    ask.sandbox.script(Step(text=SAID, fault="no_done"))
    if ask.sandbox.wire != "anthropic" or ask.form == "whole":
        assert (await ask()).text == SAID
        return note("Odd answers", "no_done", ask)
    with pytest.raises(BadUpstreamResponse, match="closed before"):
        await ask()
    return note("Odd answers", "no_done", ask, "BadUpstreamResponse")


@pytest.mark.parametrize("name", EVENT_STREAM)
async def test_row_26_odd_framing_changes_nothing(ask, name):
    if ask.form == "whole":
        return
    body, content_type = await upstreams_bytes(ask)
    framing = framings(content_type).get(name)
    if framing is None:  # not every format has it: the table shows a dash
        return
    ask.sandbox.script(Step(raw=framing(body), headers={"content-type": content_type}))
    said = await ask()
    assert (said.text, said.finish, said.models) == (SAID, "stop", {"ours"})
    note("Framing", name, ask)


async def upstreams_bytes(ask: Asker) -> tuple[bytes, str]:
    """A stream as the upstream writes it, and its content type."""
    ask.sandbox.script(SAID)
    wire = adapters()[ask.sandbox.wire].request(chat(stream=True), ask.target, SECRET)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(ask.target.base_url + wire.path, headers=wire.headers, content=wire.body)
    return answer.content, answer.headers["content-type"]


def test_the_page_says_what_this_run_showed():
    """The last test of the file: it needs the cells of all others."""
    if not full():
        pytest.skip("only a run of this whole file, without a failure, knows the whole page")
    if os.environ.get(WRITES):
        PAGE.write_text(page(cells))
    assert PAGE.read_text() == page(cells), "docs/providers.md is out of date: make docs"


def full() -> bool:
    """Whether every test of this file ran, and none failed."""
    played = set(adapters()) & set(wire_names())
    rows = {("Requests and answers", row.name) for row in ROWS} | {("Errors", name) for name, _ in REFUSED}
    rows |= {("Odd answers", name) for name in WEATHERED}
    return all((*row, wire, "stream") in cells for row in rows for wire in played)
