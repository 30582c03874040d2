"""The adapter of OpenAI's wire against every kind of OpenAI-compatible server: a new vendor is only a row."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import httpx
import pytest

from providers import http
from providers.adapters import adapters
from providers.attempts import Marks, complete, stream
from providers.chat import Answer, Chunk
from providers.errors import (
    AccessDenied,
    ContentRefused,
    ContextTooLong,
    CredentialRejected,
    InvalidRequest,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    UpstreamNotFound,
)
from providers.sandbox.flavours import flavour_names
from providers.sandbox.testing import Sandbox, Step, fault, tool_call
from tests.adapters.contract import ANSWER, CHUNK, check
from tests.adapters.examples import SECRET, answered, chat, finish, payloads, reasoning, target, text, tool_calls

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
SAID = "Grüße 👩‍💻, " * 8
THOUGHT = "Let me think. "
LISTED_CONTEXT = dict.fromkeys(("groq", "huggingface", "openrouter", "vllm"), 200_000)
LISTED_PRICE = {"huggingface": "2.5", "openrouter": "2.5"}
REFUSALS = {
    "429": RateLimited,
    "429-quota": QuotaExhausted,
    "400": InvalidRequest,
    "401": CredentialRejected,
    "403": AccessDenied,
    "404": UpstreamNotFound,
    "500": Overloaded,
    "503": Overloaded,
    "529": Overloaded,
    "context_length": ContextTooLong,
    "content_filter": ContentRefused,
    "error_in_200": Overloaded,
}


@pytest.fixture(scope="module", params=flavour_names())
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox.start(flavour=request.param) as started:
        yield started


@pytest.fixture(autouse=True)
async def fresh(sandbox: Sandbox) -> AsyncIterator[None]:
    sandbox.reset()
    yield
    await http.close()


def at(sandbox: Sandbox):
    return target(base_url=sandbox.base_url, upstream_model="sandbox-large", context=32768)


async def whole(sandbox: Sandbox, **fields) -> Answer:
    return await complete(chat(**fields), at(sandbox), SECRET, Marks())


async def streamed(sandbox: Sandbox, into: list[Chunk] | None = None, **fields) -> list[Chunk]:
    chunks: list[Chunk] = [] if into is None else into
    async with aclosing(stream(chat(stream=True, **fields), at(sandbox), SECRET, Marks())) as batches:
        async for batch in batches:
            chunks += batch
    return chunks


async def test_what_is_said_and_counted_arrives_in_openais_form(sandbox):
    sandbox.script(*[Step(text=SAID, reasoning=THOUGHT)] * 2)
    answer, chunks = await whole(sandbox), await streamed(sandbox)
    assert answered(answer)["choices"][0]["message"]["content"] == text(chunks) == SAID
    assert (answer.finish_reason, finish(chunks)) == ("stop", "stop")
    assert reasoning(chunks) == THOUGHT == answered(answer)["choices"][0]["message"]["reasoning_content"]
    told = [choice["delta"].get("reasoning_content") for payload in payloads(chunks) for choice in payload["choices"]]
    assert "".join(filter(None, told)) == THOUGHT
    used = chunks[-1].event.usage.tokens()
    assert (used.prompt, used.completion) == (answer.usage.prompt, answer.usage.completion) and used.completion > 0
    check(answered(answer), ANSWER)
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_the_listing_tells_what_it_knows(sandbox):
    adapter = adapters()["openai"]
    listed = adapter.models(httpx.get(sandbox.base_url + adapter.models_path()).content)[0]
    assert (listed.name, listed.context, listed.input_usd_per_million) == (
        "sandbox-large",
        LISTED_CONTEXT.get(sandbox.flavour),
        LISTED_PRICE.get(sandbox.flavour),
    )


async def test_tool_calls_arrive(sandbox):
    sandbox.script(*[tool_call("weather", city="Köln")] * 2)
    answer, chunks = await whole(sandbox, tools=[TOOL]), await streamed(sandbox, tools=[TOOL])
    call = answered(answer)["choices"][0]["message"]["tool_calls"][0]["function"]
    assert [(name, arguments) for _, name, arguments in tool_calls(chunks)] == [(call["name"], call["arguments"])]


@pytest.mark.parametrize(("name", "error"), REFUSALS.items())
async def test_refusals_have_their_class(sandbox, name, error):
    sandbox.script(fault(name), fault(name))
    with pytest.raises(error):
        await whole(sandbox)
    with pytest.raises(error):
        await streamed(sandbox)


@pytest.mark.parametrize("name", ["error_in_stream_after", "error_in_200", "eof_no_finish", "cut_mid"])
async def test_a_broken_stream_is_never_a_success(sandbox, name):
    sandbox.script(Step(text=SAID, fault=name))
    said: list[Chunk] = []
    with pytest.raises(ProviderError):
        await streamed(sandbox, said)
    assert SAID.startswith(text(said)) and text(said)
