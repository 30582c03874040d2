"""Every adapter that discovery finds, over real sockets, against the sandbox of its wire. Numbers are rows of the
fault table. A new adapter is tested here as soon as the sandbox plays its wire.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from providers import http
from providers.adapters import adapters
from providers.attempts import Marks, complete, stream
from providers.chat import Chunk
from providers.errors import (
    BadUpstreamResponse,
    ContentRefused,
    ContextTooLong,
    CredentialRejected,
    InvalidRequest,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
)
from providers.probe import list_models
from providers.sandbox.testing import Sandbox, Step, fault, tool_call
from providers.sandbox.wires import wire_names
from tests.adapters.contract import ANSWER, CHUNK, check
from tests.adapters.examples import SECRET, answered, chat, finish, payloads, target, text, tool_calls

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
SAID = "Grüße 👩‍💻, " * 8


@pytest.fixture(scope="module", params=sorted(adapters()))
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    if request.param not in wire_names():
        pytest.skip(f"the sandbox does not play {request.param} yet")
    with Sandbox.start(request.param) as started:
        yield started


@pytest.fixture(autouse=True)
async def fresh(sandbox: Sandbox) -> AsyncIterator[None]:
    """A sandbox that has forgotten the test before, and no connection left behind."""
    sandbox.reset()
    yield
    await http.close()


def at(sandbox: Sandbox):
    return target(sandbox.wire, base_url=sandbox.base_url, upstream_model="sandbox-large", context=32768)


async def whole(sandbox: Sandbox, **fields):
    return await complete(chat(**fields), at(sandbox), SECRET, Marks())


async def streamed(sandbox: Sandbox, into: list[Chunk] | None = None, **fields) -> list[Chunk]:
    chunks: list[Chunk] = [] if into is None else into
    async with aclosing(stream(chat(stream=True, **fields), at(sandbox), SECRET, Marks())) as batches:
        async for batch in batches:
            chunks += batch
    return chunks


async def test_an_answer_and_a_stream(sandbox):
    sandbox.script(SAID, SAID)
    answer = await whole(sandbox)
    chunks = await streamed(sandbox)
    assert answered(answer)["choices"][0]["message"]["content"] == text(chunks) == SAID
    assert (answer.finish_reason, finish(chunks), answer.served_model) == ("stop", "stop", "sandbox-large")
    assert answer.usage.completion > 0 and chunks[-1].event.usage.tokens().completion > 0
    check(answered(answer), ANSWER)
    for payload in payloads(chunks):
        check(payload, CHUNK)


async def test_tool_calls_both_ways(sandbox):
    sandbox.script(tool_call("weather", city="Köln"), tool_call("weather", city="Köln"), "It rains.")
    message = answered(await whole(sandbox, tools=[TOOL]))["choices"][0]["message"]
    chunks = await streamed(sandbox, tools=[TOOL])
    assert finish(chunks) == "tool_calls" and tool_calls(chunks)[0][1:] == ("weather", '{"city":"Köln"}')
    assert message["tool_calls"][0]["function"]["arguments"] == '{"city":"Köln"}'
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "rain"}
    answer = await whole(sandbox, tools=[TOOL], messages=[{"role": "user", "content": "Weather?"}, message, result])
    assert answered(answer)["choices"][0]["message"]["content"] == "It rains."


async def test_the_credential_is_presented_and_models_are_listed(sandbox):
    await whole(sandbox)
    (call,) = sandbox.calls(chats=True)
    assert any(SECRET.value in value for value in call.headers.values())
    adapter = adapters()[sandbox.wire]
    assert "sandbox-coder" in str(list_models(adapter, sandbox.base_url, SECRET, {})) or sandbox.wire == "openai"
    assert len(list_models(adapter, sandbox.base_url, SECRET, {})) >= 3


REFUSED = [
    ("429", RateLimited),
    ("429-quota", QuotaExhausted),
    ("400", InvalidRequest),
    ("401", CredentialRejected),
    ("403", CredentialRejected),
    ("404", BadUpstreamResponse),
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
]
ONLY_STREAMS = [
    ("big_line", BadUpstreamResponse),
    ("eof_no_finish", BadUpstreamResponse),
    ("error_in_stream_before", ProviderError),
    ("error_in_stream_after", ProviderError),
]


@pytest.mark.parametrize(("name", "cls"), REFUSED)
async def test_rows_7_to_14_and_33_one_answer(sandbox, name, cls):
    sandbox.script(fault(name, retry_after=2 if name in ("429", "503") else None))
    with pytest.raises(cls) as caught:
        await whole(sandbox)
    assert type(caught.value) is cls
    if name in ("429", "503"):
        assert caught.value.retry_after_s == 2


@pytest.mark.parametrize(("name", "cls"), REFUSED + ONLY_STREAMS)
async def test_rows_7_to_23_and_33_a_stream(sandbox, name, cls):
    sandbox.script(fault(name), SAID)
    chunks: list[Chunk] = []
    with pytest.raises(cls) as caught:
        await streamed(sandbox, chunks)
    if cls is not ProviderError:
        assert type(caught.value) is cls
    assert bool(text(chunks)) is (name in ("error_in_stream_after", "eof_no_finish"))
    assert finish(chunks) is None and SECRET.value not in caught.value.message


WEATHERED = ["done_twice", "crlf", "comments", "split_utf8", "role_twice", "json_for_stream", "wrong_model"]


@pytest.mark.parametrize("name", [*WEATHERED, "sse_for_json", "bad_usage", "no_usage"])
async def test_rows_24_to_29_and_35_what_is_put_right(sandbox, name):
    sandbox.script(Step(text=SAID, fault=name), Step(text=SAID, fault=name))
    chunks = await streamed(sandbox)
    answer = await whole(sandbox)
    assert text(chunks) == answered(answer)["choices"][0]["message"]["content"] == SAID
    assert {payload["model"] for payload in payloads(chunks)} == {answered(answer)["model"]} == {"ours"}
    assert finish(chunks) == answer.finish_reason == "stop"
    for payload in payloads(chunks):
        check(payload, CHUNK)
    check(answered(answer), ANSWER)


async def test_row_25_an_end_mark_may_be_missing_where_a_finish_reason_came_but_not_message_stop(sandbox):
    sandbox.script(Step(text=SAID, fault="no_done"))
    if sandbox.wire != "anthropic":
        assert text(await streamed(sandbox)) == SAID
        return
    with pytest.raises(BadUpstreamResponse, match="closed before"):
        await streamed(sandbox)
