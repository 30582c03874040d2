"""What every adapter keeps to, whichever discovery finds."""

import re
from pathlib import Path

import pytest

from neuroroute.plugins import discover
from providers.adapters import adapters, wire_choices
from providers.adapters.base import Adapter, StreamDecoder, WireRequest
from providers.errors import (
    BadUpstreamResponse,
    CredentialRejected,
    Overloaded,
    ProviderError,
    RateLimited,
    UpstreamNotFound,
)
from tests.adapters.examples import SECRET, chat, target

GUIDE = Path(__file__).parents[2] / "docs" / "adding-a-provider.md"
EVERY = pytest.mark.parametrize("adapter", adapters().values(), ids=adapters().keys())


def test_discovery_finds_the_wires_that_are_shipped():
    assert {"openai", "anthropic", "ollama"} <= adapters().keys()
    assert set(discover("providers.adapters", Adapter)) == set(adapters())
    assert [wire for wire, _ in wire_choices()] == sorted(adapters())


@EVERY
def test_has_a_name_a_label_and_an_address(adapter):
    assert adapter.name and adapter.label and adapter.default_base_url.startswith("http")
    assert not adapter.default_base_url.endswith("/") and adapter.models_path().startswith("/")


@EVERY
def test_a_request_names_the_upstream_model_and_nothing_of_the_router(adapter):
    fields = {"neuroroute": {"policy": "router-only"}, "models": ["router-only"], "stream": True}
    wire = adapter.request(chat(**fields), target(adapter.name), SECRET)
    assert isinstance(wire, WireRequest) and wire.path.startswith("/")
    said = wire.path.encode() + wire.body
    assert b"theirs" in said and b"router-only" not in said and b'"auto"' not in said


@EVERY
def test_headers_are_lower_case_once_each_and_hold_the_credential_only_where_there_is_one(adapter):
    wire = adapter.request(chat(), target(adapter.name, headers=(("X-Extra", "1"),)), SECRET)
    names = [name for name, _ in wire.headers]
    assert names == [name.lower() for name in names] and len(set(names)) == len(names) and "x-extra" in names
    assert any(SECRET.value in value for _, value in wire.headers)
    assert not any(SECRET.value in value for _, value in adapter.auth_headers(None))


@EVERY
def test_the_same_request_gives_the_same_bytes(adapter):
    asked = chat(temperature=0.5, tools=[{"type": "function", "function": {"name": "f"}}], stream=True)
    first, second = (adapter.request(asked, target(adapter.name), SECRET) for _ in range(2))
    assert first == second


@EVERY
def test_decoders_share_nothing(adapter):
    first, second = (adapter.decoder(chat(stream=True), target(adapter.name)) for _ in range(2))
    assert isinstance(first, StreamDecoder) and first is not second
    assert first.feed(b"") == [] and not first.done and first.pending is None


@EVERY
@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"<html></html>", b"null", b'""', b"[[[[", b'{"a":' * 5000])
def test_rubbish_is_a_bad_response_everywhere(adapter, body):
    decoder = adapter.decoder(chat(stream=True), target(adapter.name))

    def stream() -> None:
        decoder.feed(body)
        decoder.finish()

    for read in (lambda: adapter.answer(body, chat(), target(adapter.name)), stream, lambda: adapter.models(body)):
        with pytest.raises(BadUpstreamResponse):
            read()


@EVERY
@pytest.mark.parametrize(
    "body", [b"", b"<html>" + SECRET.value.encode(), b'{"error": null}', b"[]", b'{"error": [[]]}', b'{"a":' * 5000]
)
def test_a_refusal_is_told_by_its_status_whatever_its_body(adapter, body):
    for status, cls in ((401, CredentialRejected), (429, RateLimited), (500, Overloaded), (404, UpstreamNotFound)):
        error = adapter.error(status, {}, body)
        assert type(error) is cls and isinstance(error, ProviderError)
        assert error.upstream_status == status and SECRET.value not in error.message


def test_the_guides_example_is_an_adapter():
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict = {}
    exec(code, names)
    adapter = names["Azure"]()
    wire = adapter.request(chat(), target("azure"), SECRET)
    assert ("api-key", SECRET.value) in wire.headers and adapter.name == "azure"
