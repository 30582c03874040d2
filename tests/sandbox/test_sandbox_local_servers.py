"""What llama.cpp, LM Studio and vLLM do: servers on one's own hardware."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from providers.sandbox.testing import Sandbox, Step, fault
from tests.sandbox.flavoured import QUESTION, ask, get, models, post, stream
from tests.sandbox.plain_calls import PATIENCE_S


def test_llama_cpp_is_healthy_after_it_has_loaded(flavoured):
    sandbox = flavoured("llama.cpp")
    sandbox.script(fault("503"), to="pages")
    loading, ready = get(sandbox, "/health"), get(sandbox, "/health")
    error = {"code": 503, "message": "Loading model", "type": "unavailable_error"}
    assert (loading.status_code, loading.json()) == (503, {"error": error})
    assert (ready.status_code, ready.json()) == (200, {"status": "ok"})


def test_llama_cpp_tells_of_itself(flavoured):
    props = get(flavoured("llama.cpp"), "/props").json()
    assert (props["total_slots"], props["is_sleeping"], props["modalities"]["vision"]) == (2, False, True)
    assert props["default_generation_settings"]["n_ctx"] == 200_000
    assert get(flavoured("llama.cpp"), "/metrics").json()["error"]["code"] == 501


def test_llama_cpp_is_out_of_slots_while_it_answers(flavoured):
    sandbox = flavoured("llama.cpp")
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
def test_llama_cpp_pings_and_ends_with_its_timings(flavoured, asked):
    text, chunks = stream(flavoured("llama.cpp"), **asked)
    assert text.startswith(":\n\n")
    assert [at for at, chunk in enumerate(chunks) if "timings" in chunk] == [len(chunks) - 1]
    assert chunks[-1]["timings"]["predicted_n"] > 0 and "timings" in ask(flavoured("llama.cpp"))


def test_llama_cpps_errors_have_numbers_as_codes(flavoured):
    sandbox = flavoured("llama.cpp")
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
        with httpx.Client(base_url=sandbox.base_url, timeout=PATIENCE_S) as client:
            with pytest.raises(httpx.ReadTimeout):
                client.post("/chat/completions", json=body, timeout=0.3)
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


def test_vllm_says_how_long_a_prompt_may_be(flavoured):
    sandbox = flavoured("vllm")
    assert models(sandbox, "/v1/models")["sandbox-mini"]["max_model_len"] == 128_000
    assert (get(sandbox, "/health").status_code, get(sandbox, "/health").content) == (200, b"")


def test_vllms_errors_have_numbers_as_codes_and_its_usage_no_details(flavoured):
    sandbox = flavoured("vllm")
    answer = ask(sandbox)
    assert answer["usage"]["prompt_tokens_details"] is None and answer["choices"][0]["stop_reason"] is None
    sandbox.script(fault("400"))
    assert (error := post(sandbox).json()["error"])["code"] == 400 and error["type"] == "BadRequestError"
