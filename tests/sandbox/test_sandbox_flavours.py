"""What each kind of OpenAI-compatible server does differently, as the sandbox plays it."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import groq
import httpx
import openai
import pytest
from jsonschema import ValidationError

from providers.sandbox.flavours import flavour_names, played
from providers.sandbox.testing import Sandbox, Step, fault
from tests.adapters.contract import ANSWER, CHUNK, check

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
THINKING = {"model": "sandbox-large", "reasoning_effort": "high"}
SILENCE_S = 0.3
OUTSIDE = {  # what these servers send otherwise than OpenAI's schema allows: a gateway must mend it
    "groq": {"service_tier"},
    "vllm": {"prompt_tokens_details", "usage"},
}


@pytest.fixture(scope="module")
def started() -> Iterator[Callable[[str], Sandbox]]:
    with ExitStack() as stack:
        running: dict[str, Sandbox] = {}

        def of(flavour: str) -> Sandbox:
            if flavour not in running:
                running[flavour] = stack.enter_context(Sandbox.start(flavour=flavour, any_model=False))
            running[flavour].reset()
            return running[flavour]

        yield of


def post(sandbox: Sandbox, **fields) -> httpx.Response:
    body = {"model": "sandbox-mini", "messages": QUESTION} | fields
    return httpx.post(f"{sandbox.base_url}/chat/completions", json=body)


def ask(sandbox: Sandbox, **fields) -> dict:
    return post(sandbox, **fields).json()


def stream(sandbox: Sandbox, **fields) -> tuple[str, list[dict]]:
    """The text of a stream, and the JSON of its events."""
    text = post(sandbox, stream=True, **fields).text
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: {")]
    return text, [json.loads(line) for line in lines]


def get(sandbox: Sandbox, path: str, **query) -> httpx.Response:
    return httpx.get(sandbox.url + path, params=query)


def models(sandbox: Sandbox, path: str, key: str = "data", name: str = "id") -> dict[str, dict]:
    return {row[name]: row for row in get(sandbox, path).json()[key]}


@pytest.mark.parametrize("flavour", flavour_names())
def test_openais_own_sdk_talks_to_every_flavour(started, flavour):
    sandbox = started(flavour)
    with openai.OpenAI(
        api_key="sk-sandbox", base_url=sandbox.base_url, _strict_response_validation=flavour != "groq"
    ) as client:
        answer = client.chat.completions.create(model="sandbox-mini", messages=QUESTION)
        chunks = list(client.chat.completions.create(model="sandbox-mini", messages=QUESTION, stream=True))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == answer.choices[0].message.content and "Paris" in said


@pytest.mark.parametrize("flavour", flavour_names())
def test_where_a_flavour_leaves_openais_schema_it_does_so_knowingly(started, flavour):
    sandbox = started(flavour)
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
def test_every_flavour_lists_the_models_and_rejects_a_wrong_key(started, flavour):
    sandbox = started(flavour)
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
def test_faults_work_on_every_flavour(started, flavour, name):
    sandbox = started(flavour)
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
def test_some_call_thoughts_reasoning(started, flavour):
    sandbox = started(flavour)
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


# Groq


@pytest.fixture
def groq_client(started) -> Iterator[groq.Groq]:
    with groq.Groq(
        api_key="gsk-sandbox", base_url=started("groq").url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def test_groqs_own_sdk_reads_answers_and_usage(groq_client):
    whole = groq_client.chat.completions.create(model="sandbox-mini", messages=QUESTION)
    chunks = list(groq_client.chat.completions.create(model="sandbox-mini", messages=QUESTION, stream=True))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == whole.choices[0].message.content and whole.x_groq.id.startswith("req_")
    usage = chunks[-1].x_groq.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (whole.usage.prompt_tokens, whole.usage.completion_tokens)
    assert [at for at, chunk in enumerate(chunks) if chunk.x_groq] == [0, len(chunks) - 1]
    assert chunks[0].x_groq.id == chunks[-1].x_groq.id and usage.total_time is not None


def test_groqs_own_sdk_reads_tools_and_thoughts(groq_client, weather_schema):
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": weather_schema}}
    asked = [{"role": "user", "content": "What is the weather in Oslo?"}]
    call = groq_client.chat.completions.create(model="sandbox-mini", messages=asked, tools=[tool]).choices[0]
    assert (call.finish_reason, call.message.tool_calls[0].function.name) == ("tool_calls", "get_weather")
    thought = groq_client.chat.completions.create(messages=QUESTION, **THINKING)
    assert thought.choices[0].message.reasoning
    assert thought.usage.completion_tokens_details.reasoning_tokens > 0


def test_groqs_own_sdk_reads_the_models(groq_client):
    rows = {model.id: model for model in groq_client.models.list().data}
    assert rows["sandbox-mini"].context_window == 128_000


@pytest.mark.parametrize(
    ("name", "error", "status"),
    [("429", groq.RateLimitError, 429), ("401", groq.AuthenticationError, 401), ("529", groq.APIStatusError, 498)],
)
def test_groqs_own_sdk_reads_errors(groq_client, started, name, error, status):
    started("groq").script(fault(name))
    with pytest.raises(error) as caught:
        groq_client.chat.completions.create(model="sandbox-mini", messages=QUESTION)
    assert caught.value.status_code == status and "param" not in caught.value.body["error"]


def test_groqs_own_sdk_reads_an_error_inside_a_stream(groq_client, started):
    started("groq").script(fault("error_in_stream_after"))
    with pytest.raises(groq.APIError, match="Overloaded"):
        list(groq_client.chat.completions.create(model="sandbox-mini", messages=QUESTION, stream=True))


def test_groq_says_what_is_left_and_when_to_come_back(started):
    sandbox = started("groq")
    first, second = (int(post(sandbox).headers["x-ratelimit-remaining-requests"]) for _ in range(2))
    assert second == first - 1
    sandbox.script(fault("429"), fault("429", retry_after=2))
    refused = post(sandbox)
    assert (refused.headers["retry-after"], refused.json()["error"]["type"]) == ("8", "tokens")
    assert refused.headers["x-ratelimit-remaining-tokens"] == "0"
    assert post(sandbox).headers["retry-after"] == "2"


# OpenRouter


def test_openrouter_begins_with_a_comment_and_ends_with_what_it_cost(started):
    text, chunks = stream(started("openrouter"))
    assert text.startswith(": OPENROUTER PROCESSING\n\ndata: {")
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["cost"] > 0
    whole = ask(started("openrouter"))
    assert whole["usage"]["cost"] == chunks[-1]["usage"]["cost"] and whole["id"].startswith("gen-")
    assert whole["choices"][0]["native_finish_reason"] == "end_turn"


def test_openrouter_answers_with_the_first_model_that_works(started):
    answer = ask(started("openrouter"), model="sandbox-mini!503", models=["sandbox-mini!429", "sandbox-large"])
    assert answer["model"] == "sandbox-large"


@pytest.mark.parametrize(
    ("wishes", "provider"),
    [
        ({}, "Sandbox"),
        ({"order": ["playback"]}, "Playback"),
        ({"only": ["playback"], "sort": "price"}, "Playback"),
        ({"ignore": ["sandbox"]}, "Playback"),
        ({"order": ["nobody"]}, "Sandbox"),
    ],
)
def test_openrouter_obeys_the_wishes_about_providers(started, wishes, provider):
    sandbox = started("openrouter")
    assert ask(sandbox, provider=wishes)["provider"] == provider
    assert {chunk["provider"] for chunk in stream(sandbox, provider=wishes)[1]} == {provider}
    assert sandbox.calls()[-1].body["provider"] == wishes


def test_openrouter_refuses_where_no_provider_is_left(started):
    refused = post(started("openrouter"), provider={"order": ["nobody"], "allow_fallbacks": False})
    assert refused.status_code == refused.json()["error"]["code"] == 404


@pytest.mark.parametrize(("name", "code"), [("429-quota", 402), ("content_filter", 403), ("429", 429), ("529", 502)])
def test_openrouters_errors_have_the_status_as_their_code(started, name, code):
    sandbox = started("openrouter")
    sandbox.script(fault(name))
    refused = post(sandbox)
    assert refused.status_code == refused.json()["error"]["code"] == code
    assert ("metadata" in refused.json()["error"]) == (name != "429-quota")


def test_openrouter_fails_inside_a_200(started):
    sandbox = started("openrouter")
    sandbox.script(fault("error_in_200"), fault("error_in_200", after=1))
    whole = post(sandbox)
    assert whole.status_code == 200 and "choices" not in whole.json()
    assert whole.json()["error"]["metadata"]["provider_name"] == "Sandbox"
    last = stream(sandbox)[1][-1]
    assert (last["choices"][0]["finish_reason"], last["error"]["code"]) == ("error", "server_error")
    assert last["object"] == "chat.completion.chunk" and last["id"].startswith("gen-")


def test_openrouter_lists_prices_and_skills(started):
    sandbox = started("openrouter")
    row = models(sandbox, "/api/v1/models")["sandbox-mini"]
    assert (row["pricing"]["prompt"], row["pricing"]["completion"]) == ("0.00000015", "0.0000006")
    assert row["architecture"]["input_modalities"] == ["text", "image"] and "tools" in row["supported_parameters"]
    assert get(sandbox, "/api/v1/key").json()["data"]["limit_remaining"] == 7.5


# Hugging Face


@pytest.mark.parametrize("suffix", ["", ":sandbox", ":fastest", ":cheapest", ":preferred", ":playback!ok"])
def test_hugging_face_takes_a_provider_with_the_model(started, suffix):
    assert ask(started("huggingface"), model=f"sandbox-mini{suffix}")["model"] == "sandbox-mini"


def test_hugging_face_refuses_a_provider_that_it_does_not_have(started):
    refused = post(started("huggingface"), model="sandbox-mini:nobody")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "model_not_supported")


def test_hugging_face_says_in_a_bare_sentence_that_the_credits_are_gone(started):
    sandbox = started("huggingface")
    sandbox.script(fault("429-quota"))
    refused = post(sandbox)
    assert refused.status_code == 402 and refused.json()["error"].startswith("You have exceeded")


def test_hugging_face_lists_providers(started):
    providers = models(started("huggingface"), "/v1/models")["sandbox-mini"]["providers"]
    assert [row["provider"] for row in providers] == ["sandbox", "playback"]
    assert providers[0]["pricing"] == {"input": 0.15, "output": 0.6} and providers[0]["supports_tools"]


# llama.cpp


def test_llama_cpp_is_healthy_after_it_has_loaded(started):
    sandbox = started("llama.cpp")
    sandbox.script(fault("503"), to="pages")
    loading, ready = get(sandbox, "/health"), get(sandbox, "/health")
    error = {"code": 503, "message": "Loading model", "type": "unavailable_error"}
    assert (loading.status_code, loading.json()) == (503, {"error": error})
    assert (ready.status_code, ready.json()) == (200, {"status": "ok"})


def test_llama_cpp_tells_of_itself(started):
    props = get(started("llama.cpp"), "/props").json()
    assert (props["total_slots"], props["is_sleeping"], props["modalities"]["vision"]) == (2, False, True)
    assert props["default_generation_settings"]["n_ctx"] == 200_000
    assert get(started("llama.cpp"), "/metrics").json()["error"]["code"] == 501


def test_llama_cpp_is_out_of_slots_while_it_answers(started):
    sandbox = started("llama.cpp")
    sandbox.script(fault("hang_first_token"), fault("hang_first_token"))
    assert get(sandbox, "/slots", fail_on_no_slot=1).status_code == 200
    body = {"model": "sandbox-mini", "messages": QUESTION, "stream": True}
    with httpx.Client(base_url=sandbox.base_url) as client, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(client.stream("POST", "/chat/completions", json=body))
        busy, told = get(sandbox, "/slots", fail_on_no_slot=1), get(sandbox, "/slots")
    assert (busy.status_code, busy.json()["error"]["message"]) == (503, "no slot available")
    assert [slot["is_processing"] for slot in told.json()] == [True, True]
    sandbox.calls(ended=True)
    assert get(sandbox, "/slots", fail_on_no_slot=1).status_code == 200


@pytest.mark.parametrize("asked", [{}, {"stream_options": {"include_usage": True}}])
def test_llama_cpp_pings_and_ends_with_its_timings(started, asked):
    text, chunks = stream(started("llama.cpp"), **asked)
    assert text.startswith(":\n\n")
    assert [at for at, chunk in enumerate(chunks) if "timings" in chunk] == [len(chunks) - 1]
    assert chunks[-1]["timings"]["predicted_n"] > 0 and "timings" in ask(started("llama.cpp"))


def test_llama_cpps_errors_have_numbers_as_codes(started):
    sandbox = started("llama.cpp")
    sandbox.script(fault("context_length"))
    error = post(sandbox).json()["error"]
    assert (error["code"], error["type"]) == (400, "exceed_context_size_error")


@pytest.fixture
def router() -> Iterator[Sandbox]:
    with Sandbox.start(flavour="llama.cpp-router", any_model=False) as sandbox:
        yield sandbox


def status(router: Sandbox, name: str = "sandbox-mini") -> str:
    return models(router, "/models")[name]["status"]["value"]


def test_llama_cpps_router_loads_and_unloads(router):
    def told(what: str, model: str = "sandbox-mini") -> httpx.Response:
        return httpx.post(f"{router.url}/models/{what}", json={"model": model})

    assert status(router) == "unloaded"
    assert told("load").json() == {"success": True}
    assert [status(router) for _ in range(2)] == ["loading", "loaded"]
    assert told("load").json()["error"]["message"] == "model is already loaded"
    assert told("unload").json() == {"success": True} and status(router) == "unloaded"
    assert told("unload").status_code == 400 and told("load", "nobody").status_code == 404


def test_llama_cpps_router_loads_what_a_chat_asks_for(router):
    assert ask(router)["model"] == "sandbox-mini" and status(router) == "loaded"


def test_llama_cpps_router_asks_which_model_a_page_is_about(router):
    assert get(router, "/props").json()["role"] == "router"
    assert get(router, "/slots").status_code == 400
    assert get(router, "/slots", model="sandbox-mini", autoload="false").status_code == 400
    props = get(router, "/props", model="sandbox-mini").json()
    assert props["model_alias"] == "sandbox-mini" and status(router) == "loaded"


# LM Studio


@pytest.fixture
def lm_studio() -> Iterator[Sandbox]:
    with Sandbox.start(flavour="lm-studio", any_model=False) as sandbox:
        yield sandbox


def test_lm_studio_loads_a_model_when_it_is_first_asked_for(lm_studio):
    before = models(lm_studio, "/api/v0/models")["sandbox-mini"]
    assert (before["state"], before["type"], before["max_context_length"]) == ("not-loaded", "vlm", 128_000)
    ask(lm_studio)
    after = models(lm_studio, "/api/v0/models")["sandbox-mini"]
    assert (after["state"], after["loaded_context_length"]) == ("loaded", 4096)


def test_lm_studio_makes_the_first_caller_wait():
    with Sandbox.start(flavour="lm-studio", pace=0.2) as sandbox:
        body = {"model": "sandbox-flash", "messages": QUESTION, "max_tokens": 1}
        with httpx.Client(base_url=sandbox.base_url, timeout=SILENCE_S) as client:
            with pytest.raises(httpx.ReadTimeout):
                client.post("/chat/completions", json=body)
            assert client.post("/chat/completions", json=body).status_code == 200


def test_lm_studio_loads_and_unloads(lm_studio):
    def told(what: str, **body) -> httpx.Response:
        return httpx.post(f"{lm_studio.url}/api/v1/models/{what}", json=body)

    def instances() -> list[dict]:
        return models(lm_studio, "/api/v1/models", "models", "key")["sandbox-mini"]["loaded_instances"]

    assert instances() == []
    instance = told("load", model="sandbox-mini").json()["instance_id"]
    assert [row["id"] for row in instances()] == [instance]
    assert told("unload", instance_id=instance).json() == {"instance_id": instance} and instances() == []
    assert told("unload", instance_id=instance).status_code == 404 and told("unload").status_code == 400
    assert told("load", model="nobody").status_code == 404


def test_lm_studio_tells_kinds_and_skills(lm_studio):
    rows = models(lm_studio, "/api/v1/models", "models", "key")
    assert rows["sandbox-mini"]["capabilities"] == {"vision": True, "trained_for_tool_use": True}
    assert (rows["sandbox-embed"]["type"], rows["sandbox-mini"]["type"]) == ("embedding", "llm")
    assert models(lm_studio, "/api/v0/models")["sandbox-embed"]["type"] == "embeddings"


def test_lm_studio_answers_200_to_what_it_does_not_know(lm_studio):
    answer = get(lm_studio, "/v1/nothing")
    assert answer.status_code == 200 and "Unexpected endpoint" in answer.json()["error"]


def test_lm_studio_names_the_event_of_an_error(lm_studio):
    lm_studio.script(Step(fault="error_in_stream_after"))
    assert 'event: error\ndata: {"error":{"message"' in stream(lm_studio)[0]


# vLLM


def test_vllm_says_how_long_a_prompt_may_be(started):
    sandbox = started("vllm")
    assert models(sandbox, "/v1/models")["sandbox-mini"]["max_model_len"] == 128_000
    assert (get(sandbox, "/health").status_code, get(sandbox, "/health").content) == (200, b"")


def test_vllms_errors_have_numbers_as_codes_and_its_usage_no_details(started):
    sandbox = started("vllm")
    answer = ask(sandbox)
    assert answer["usage"]["prompt_tokens_details"] is None and answer["choices"][0]["stop_reason"] is None
    sandbox.script(fault("400"))
    assert (error := post(sandbox).json()["error"])["code"] == 400 and error["type"] == "BadRequestError"
