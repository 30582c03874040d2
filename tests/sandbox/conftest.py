"""A sandbox per wire format, one for all tests of this folder, forgotten between them."""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import openai
import pytest
from google import genai

from providers.sandbox.testing import Sandbox
from tests.sandbox.google_calls import connect


@pytest.fixture(scope="session")
def running() -> Iterator[Callable[[str], Sandbox]]:
    """Start each wire's sandbox when it is first asked for."""
    with ExitStack() as stack:
        started: dict[str, Sandbox] = {}

        def of(wire: str) -> Sandbox:
            if wire not in started:
                started[wire] = stack.enter_context(Sandbox.start(wire, any_model=False))
            return started[wire]

        yield of


@pytest.fixture
def sandbox_of(running: Callable[[str], Sandbox]) -> Callable[[str], Sandbox]:
    def of(wire: str) -> Sandbox:
        sandbox = running(wire)
        sandbox.reset()
        return sandbox

    return of


@pytest.fixture
def openai_sandbox(sandbox_of: Callable[[str], Sandbox]) -> Sandbox:
    return sandbox_of("openai")


@pytest.fixture
def anthropic_sandbox(sandbox_of: Callable[[str], Sandbox]) -> Sandbox:
    return sandbox_of("anthropic")


@pytest.fixture
def ollama_sandbox(sandbox_of: Callable[[str], Sandbox]) -> Sandbox:
    return sandbox_of("ollama")


@pytest.fixture(scope="session")
def connected_to_openai(running: Callable[[str], Sandbox]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="sk-sandbox", base_url=running("openai").base_url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
def strict_client(connected_to_openai: openai.OpenAI, openai_sandbox: Sandbox) -> openai.OpenAI:
    """OpenAI's own SDK, which takes nothing that OpenAI would not send."""
    return connected_to_openai


@pytest.fixture(scope="session")
def running_flavours() -> Iterator[Callable[[str], Sandbox]]:
    """Start each flavour when it is first asked for."""
    with ExitStack() as stack:
        started: dict[str, Sandbox] = {}

        def of(flavour: str) -> Sandbox:
            if flavour not in started:
                started[flavour] = stack.enter_context(Sandbox.start(flavour=flavour, any_model=False))
            return started[flavour]

        yield of


@pytest.fixture
def flavoured(running_flavours: Callable[[str], Sandbox]) -> Callable[[str], Sandbox]:
    def of(flavour: str) -> Sandbox:
        sandbox = running_flavours(flavour)
        sandbox.reset()
        return sandbox

    return of


@pytest.fixture
def gemini_sandbox(sandbox_of: Callable[[str], Sandbox]) -> Sandbox:
    return sandbox_of("gemini")


@pytest.fixture(scope="session")
def connected_gemini(running: Callable[[str], Sandbox]) -> Iterator[genai.Client]:
    client = connect(running("gemini").url)
    yield client
    client.close()


@pytest.fixture
def gemini(connected_gemini: genai.Client, gemini_sandbox: Sandbox) -> genai.Client:
    """Google's own SDK, and a sandbox that has forgotten the test before."""
    return connected_gemini


@pytest.fixture(scope="session")
def png() -> bytes:
    """A true image of one white pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0\xff\xff\xff")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


WEATHER_SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer"},
    },
    "required": ["city", "unit"],
    "additionalProperties": False,
}


@pytest.fixture(scope="session")
def weather_schema() -> dict:
    return WEATHER_SCHEMA
