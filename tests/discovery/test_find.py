"""Finding upstreams: keys in the environment, local servers that answer, and what they list."""

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from providers.discovery import find
from providers.found import FoundModel, FoundProvider
from providers.sandbox.testing import Sandbox
from providers.vendors import VENDORS
from tests.discovery.upstream import listing, refusal, upstream

NOWHERE = {"OLLAMA_URL": "off", "LM_STUDIO_URL": "off", "LLAMA_CPP_URL": "off"}


def found_in(environment: Mapping[str, str], **options: Any) -> dict[str, FoundProvider]:
    return {provider.name: provider for provider in find(NOWHERE | dict(environment), **options)}


def models_of(provider: FoundProvider) -> dict[str, FoundModel]:
    return {model.name: model for model in provider.models}


def usd(model: FoundModel) -> tuple[Decimal | None, Decimal | None]:
    assert model.known_price and model.input_price is None
    return model.known_price.usd.input, model.known_price.usd.output


def test_an_empty_environment_finds_nothing() -> None:
    assert find(NOWHERE) == []


def test_a_key_and_its_listing_become_a_provider_with_known_models() -> None:
    with upstream(listing("gpt-5-mini", "gpt-5-mini-2025-08-07", "whisper-1", "text-embedding-3-small", "new-1")) as up:
        found = found_in({"OPENAI_API_KEY": " sk-test ", "OPENAI_BASE_URL": f"{up.url}/v1/"})["openai"]
    assert up.asked[0][:2] == ("GET", "/v1/models")
    assert up.asked[0][2]["authorization"] == "Bearer sk-test"
    assert (found.wire, found.base_url, found.secret) == ("openai", f"{up.url}/v1", "sk-test")
    models = models_of(found)
    assert set(models) == {"gpt-5-mini", "gpt-5-mini-2025-08-07", "text-embedding-3-small", "new-1"}
    vectors = models["text-embedding-3-small"]
    assert (vectors.capabilities, usd(vectors)) == (("embeddings",), (Decimal("0.02"), None))
    known = models["gpt-5-mini"]
    assert (usd(known), known.context) == ((Decimal("0.25"), 2), 400_000)
    assert "tools" in known.capabilities and known.quality
    assert known.enabled and not models["gpt-5-mini-2025-08-07"].enabled
    unknown = models["new-1"]
    assert (unknown.enabled, unknown.known_price, unknown.quality) == (True, None, None)


def test_a_key_never_shows() -> None:
    with upstream(listing("gpt-5-mini")) as up:
        found = found_in({"OPENAI_API_KEY": "sk-do-not-show", "OPENAI_BASE_URL": up.url})["openai"]
    assert "sk-do-not-show" not in repr(found)


def test_a_url_without_a_path_gets_the_vendors() -> None:
    with upstream(listing("claude-sonnet-4-5-20250929")) as up:
        found = found_in({"GROQ_API_KEY": "k", "GROQ_BASE_URL": up.url})["groq"]
    assert found.base_url == f"{up.url}/openai/v1"


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if not vendor.local], ids=lambda vendor: vendor.name)
@pytest.mark.parametrize("position", [0, -1])
def test_every_hosted_vendor_is_found_by_each_of_its_keys(vendor: Any, position: int) -> None:
    with upstream(listing("some-model")) as up:
        found = found_in({vendor.key_names[position]: "key", vendor.url_names[position]: up.url})
    assert [provider.name for provider in found.values()] == [vendor.name]


def test_a_key_of_our_own_is_no_upstream() -> None:
    assert found_in({"OPENAI_API_KEY": "nr-abcdefgh", "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}) == {}


def test_a_listing_that_fails_still_yields_the_provider() -> None:
    hosted = [vendor for vendor in VENDORS if vendor.name in ("openai", "groq")]
    for answer in (refusal(500, {"error": "down"}), refusal(200, b"<html>"), refusal(200, b"")):
        with upstream(answer) as up:
            moved = tuple(_at(vendor, up.url) for vendor in hosted)
            found = found_in({"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"}, vendors=moved)
        assert {"gpt-5", "gpt-4o-mini"} <= set(models_of(found["openai"]))
        assert models_of(found["groq"])["llama-3.3-70b"].upstream_model == "llama-3.3-70b-versatile"
        assert "did not list its models" in found["openai"].note


def test_a_refused_key_is_named() -> None:
    with upstream(refusal(401, {"error": {"message": "Incorrect API key"}})) as up:
        found = found_in({"OPENAI_API_KEY": "sk-bad", "OPENAI_BASE_URL": up.url})["openai"]
    assert found.note == "refused the key in OPENAI_API_KEY"


def test_an_upstream_that_hangs_holds_nobody_up() -> None:
    """It never answers: were `find` to wait for it, this test would not end."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, upstream(listing("gpt-5-mini")) as up:
        environment = {
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": up.url,
            "GROQ_API_KEY": "k",
            "GROQ_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        found = found_in(environment, ask_s=0.5)
    assert [model.name for model in found["openai"].models] == ["gpt-5-mini"]
    assert found["groq"].models == () and "UpstreamTimeout" in found["groq"].note


def test_an_upstream_that_drips_is_cut_off() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as dripping:
        stop = threading.Event()
        thread = threading.Thread(target=_drip, args=(dripping, stop), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{dripping.getsockname()[1]}/v1"
        found = found_in({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": url}, ask_s=0.5)
        stop.set()
        thread.join()
    assert "UpstreamTimeout" in found["openai"].note


def test_a_key_that_is_no_header_does_not_stop_the_others() -> None:
    with upstream(listing("gpt-5-mini")) as up:
        found = found_in(
            {"OPENAI_API_KEY": "schlüssel\n✓", "GROQ_API_KEY": "k", "OPENAI_BASE_URL": up.url, "GROQ_BASE_URL": up.url}
        )
    assert found["openai"].note and models_of(found["groq"])


def test_a_bad_url_is_named() -> None:
    with pytest.raises(ValueError, match="OLLAMA_URL: must start with"):
        find({"OLLAMA_URL": "localhost:11434"})
    with pytest.raises(ValueError, match="OPENAI_BASE_URL.*password"):
        find({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://me:secret@example.com"})


def test_hundreds_of_models_are_listed_and_only_known_ones_switched_on() -> None:
    rows: list[Any] = [{"id": f"someone/model-{n}", "pricing": {"prompt": "0.000001"}} for n in range(300)]
    rows += ["anthropic/claude-sonnet-4.5", "deepseek/deepseek-r1", "deepseek/deepseek-r1:free"]
    with upstream(listing(*rows)) as up:
        openrouter = next(vendor for vendor in VENDORS if vendor.name == "openrouter")
        found = found_in({"OPENROUTER_API_KEY": "k"}, vendors=(_at(openrouter, f"{up.url}/api/v1"),))["openrouter"]
    models = models_of(found)
    assert len(models) == 303
    assert {name for name, model in models.items() if model.enabled} == {"claude-sonnet-4-5", "deepseek-r1"}
    assert models["claude-sonnet-4-5"].upstream_model == "anthropic/claude-sonnet-4.5"
    assert models["someone/model-7"].input_price == "1"


def test_a_local_server_is_found_when_it_answers_with_a_model() -> None:
    with upstream(listing("/models/qwen2.5-7b-instruct-q4_k_m.gguf", "nomic-embed-text")) as up:
        found = found_in({"LLAMA_CPP_URL": up.url, "LM_STUDIO_URL": up.url})
    assert set(found) == {"llama.cpp", "lm-studio"}
    local = found["llama.cpp"]
    assert (local.base_url, local.local, local.allow_private) == (f"{up.url}/v1", True, True)
    model, vectors = local.models
    assert vectors.capabilities == ("embeddings",)
    assert (model.input_price, model.output_price) == ("0", "0")
    assert model.quality == 0.5


@pytest.mark.parametrize(
    "answer", [refusal(404, b"not here"), refusal(200, b"<html>Tomcat"), refusal(401, {}), listing()]
)
def test_another_server_on_that_port_is_no_upstream(answer: Any) -> None:
    with upstream(answer) as up:
        assert found_in({"LLAMA_CPP_URL": up.url}) == {}


def test_ollama_says_more_of_each_model() -> None:
    shown = {
        "llama3.2:latest": {
            "capabilities": ["completion", "tools"],
            "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
        },
        "nomic-embed-text:latest": {"capabilities": ["embedding"]},
    }

    def answer(path: str, body: Any) -> tuple[int, Any]:
        if path == "/api/show":
            return 200, shown.get(body["model"], {})
        return 200, {"models": [{"name": name, "model": name} for name in [*shown, "odd:1b"]]}

    with upstream(answer) as up:
        found = found_in({"OLLAMA_URL": up.url})["ollama"]
    models = models_of(found)
    assert set(models) == {"llama3.2", "nomic-embed-text", "odd:1b"}
    assert models["nomic-embed-text"].capabilities == ("embeddings",)
    assert models["llama3.2"].context == 131072
    assert models["llama3.2"].capabilities == ("json_mode", "json_schema", "tools")
    assert models["llama3.2"].aliases == ("llama3.2:latest",)


@pytest.mark.parametrize(
    ("wire", "name", "environment"),
    [
        ("openai", "openai", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "{url}"}),
        ("anthropic", "anthropic", {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "{url}"}),
        ("ollama", "ollama", {"OLLAMA_URL": "{url}"}),
        ("gemini", "google", {"GEMINI_API_KEY": "k", "GOOGLE_BASE_URL": "{url}"}),
    ],
)
def test_a_server_of_each_wire_is_found(wire: str, name: str, environment: dict[str, str]) -> None:
    with Sandbox.start(wire) as server:
        found = found_in({key: value.format(url=server.url) for key, value in environment.items()})[name]
    assert found.base_url == server.base_url.rstrip("/")
    assert found.note == ""
    assert len(found.models) >= 2
    assert wire == "openai" or all(model.context for model in found.models), "OpenAI alone lists no contexts"


def test_google_speaks_its_own_form_and_openais_where_the_address_says_so() -> None:
    methods = {"supportedGenerationMethods": ["generateContent"]}
    rows = [{"name": "models/gemini-2.5-pro", "inputTokenLimit": 1048576} | methods, {"name": "models/imagen-4"}]
    with upstream(lambda path, _: (200, {"models": rows})) as up:
        native = found_in({"GOOGLE_API_KEY": "k", "GOOGLE_BASE_URL": up.url})["google"]
    assert (native.wire, native.base_url) == ("gemini", f"{up.url}/v1beta")
    assert up.asked[0][1] == "/v1beta/models?pageSize=1000" and up.asked[0][2]["x-goog-api-key"] == "k"
    assert [model.upstream_model for model in native.models] == ["gemini-2.5-pro"] and native.models[0].known_price
    with upstream(listing("models/gemini-2.5-pro")) as up:
        url = f"{up.url}/v1beta/openai/"
        found = found_in({"GOOGLE_API_KEY": "k", "GEMINI_BASE_URL": url})["google"]
    assert (found.wire, found.base_url) == ("openai", url.rstrip("/")) and "authorization" in up.asked[0][2]
    assert models_of(found)["gemini-2.5-pro"].upstream_model == "models/gemini-2.5-pro"


def _at(vendor: Any, base_url: str) -> Any:
    """The vendor's row, moved without the operator having moved it."""
    return type(vendor)(**{**_fields(vendor), "base_url": base_url})


def _fields(vendor: Any) -> dict[str, Any]:
    return {name: getattr(vendor, name) for name in vendor.__struct_fields__}


def _drip(listener: socket.socket, stop: threading.Event) -> None:
    connection, _ = listener.accept()
    with closing(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not stop.wait(0.05):
            try:
                connection.sendall(json.dumps([]).encode())
            except OSError:
                return


def test_openais_own_servers_speak_responses_and_a_moved_address_may_not() -> None:
    with upstream(listing("gpt-5-mini", "new-1")) as up:
        moved = found_in({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{up.url}/v1"})["openai"]
        vendor = next(vendor for vendor in VENDORS if vendor.name == "openai")
        own = found_in({"OPENAI_API_KEY": "k"}, vendors=(_at(vendor, up.url),))["openai"]
    assert all("responses" in model.capabilities for model in own.models) and own.models
    assert not any("responses" in model.capabilities for model in moved.models) and moved.models
