"""What all kinds of OpenAI-compatible servers have in common, as the sandbox plays them."""

import httpx
import openai
import pytest
from jsonschema import ValidationError

from providers.sandbox.flavours import flavour_names, played
from providers.sandbox.testing import Sandbox, fault
from tests.adapters.contract import ANSWER, CHUNK, check
from tests.sandbox.flavoured import QUESTION, THINKING, ask, post, stream

OUTSIDE = {  # what these servers send otherwise than OpenAI's schema allows: a gateway must mend it
    "groq": {"service_tier"},
    "vllm": {"prompt_tokens_details", "usage"},
}


@pytest.mark.parametrize("flavour", flavour_names())
def test_openais_own_sdk_talks_to_every_flavour(flavoured, flavour):
    sandbox = flavoured(flavour)
    with openai.OpenAI(
        api_key="sk-sandbox", base_url=sandbox.base_url, _strict_response_validation=flavour != "groq"
    ) as client:
        answer = client.chat.completions.create(model="sandbox-mini", messages=QUESTION)
        chunks = list(client.chat.completions.create(model="sandbox-mini", messages=QUESTION, stream=True))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == answer.choices[0].message.content and "Paris" in said


@pytest.mark.parametrize("flavour", flavour_names())
def test_where_a_flavour_leaves_openais_schema_it_does_so_knowingly(flavoured, flavour):
    sandbox = flavoured(flavour)
    chunks = stream(sandbox, stream_options={"include_usage": True}, **THINKING)[1]
    failures = outside(ask(sandbox, **THINKING), ANSWER).union(*(outside(chunk, CHUNK) for chunk in chunks))
    assert failures == OUTSIDE.get(flavour, set())


def outside(payload: dict, schema: str) -> set[str]:
    """The fields that the schema forbids to be as they are."""
    try:
        check(payload, schema)
    except ValidationError as exc:
        return {str(exc.absolute_path[-1])}
    return set()


@pytest.mark.parametrize("flavour", flavour_names())
def test_every_flavour_lists_the_models_and_rejects_a_wrong_key(flavoured, flavour):
    sandbox = flavoured(flavour)
    with httpx.Client(base_url=sandbox.base_url) as client:
        listed = [row["id"] for row in client.get("/models").json()["data"]]
        refused = client.get("/models", headers={"authorization": "Bearer invalid"})
    all_models = ["sandbox-large", "sandbox-mini", "sandbox-flash", "sandbox-embed"]
    assert listed == (all_models[:1] if flavour == "llama.cpp" else all_models)
    assert refused.status_code == 401 and "error" in refused.json()


@pytest.mark.parametrize("flavour", flavour_names())
@pytest.mark.parametrize(
    "name", ["429", "503", "cut_mid", "error_in_stream_after", "role_twice", "no_usage", "comments"]
)
def test_faults_work_on_every_flavour(flavoured, flavour, name):
    sandbox = flavoured(flavour)
    healthy, _ = stream(sandbox, stream_options={"include_usage": True})
    sandbox.script(fault(name))
    try:
        text = post(sandbox, stream=True, stream_options={"include_usage": True}).text
    except httpx.RemoteProtocolError:
        text = "cut"
    seen = {
        "429": '"error"' in text,
        "503": '"error"' in text,
        "cut_mid": text == "cut",
        "error_in_stream_after": '"error"' in text and "[DONE]" not in text,
        "role_twice": text.count('"role":"assistant"') == healthy.count('"role":"assistant"') + 1,
        "no_usage": "prompt_tokens" in healthy and "prompt_tokens" not in text,
        "comments": text.count("\n:") > healthy.count("\n:"),
    }
    assert seen[name]


@pytest.mark.parametrize("flavour", ["groq", "openrouter", "vllm"])
def test_some_call_thoughts_reasoning(flavoured, flavour):
    sandbox = flavoured(flavour)
    message = ask(sandbox, **THINKING)["choices"][0]["message"]
    deltas = [chunk["choices"][0]["delta"] for chunk in stream(sandbox, **THINKING)[1] if chunk["choices"]]
    thought = "".join(delta.get("reasoning", "") for delta in deltas)
    assert message["reasoning"] == thought != "" and "reasoning_content" not in message


def test_only_the_wire_of_openai_has_flavours():
    with pytest.raises(ValueError, match="only the wire 'openai' has flavours"):
        played("anthropic", "groq")


def test_a_process_plays_a_flavour():
    with Sandbox.start(flavour="groq", process=True) as sandbox:
        assert "x_groq" in ask(sandbox) and sandbox.base_url.endswith("/openai/v1")
