"""How long an answer is asked for on every wire, and in which of OpenAI's two words for it."""

import json

import pytest

from providers.adapters import adapters
from tests.adapters.examples import SECRET, chat, sent, target

OPENAI, AZURE = "https://api.openai.com/v1", "https://ours.openai.azure.com/openai/v1"
LIMITS = {
    "openai": lambda body: body["max_tokens"],
    "anthropic": lambda body: body["max_tokens"],
    "gemini": lambda body: body["generationConfig"]["maxOutputTokens"],
    "ollama": lambda body: body["options"]["num_predict"],
}
TALK = [{"role": "developer", "content": 'Say "developer".'}, {"role": "user", "content": "Hi"}]


def test_every_wire_is_here():
    assert LIMITS.keys() == adapters().keys()


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("wire", LIMITS)
def test_no_more_is_asked_for_than_the_deployment_writes(wire, field):
    adapter, brief = adapters()[wire], target(wire, max_output=1000)
    request = adapter.request(chat(**{field: 2000}), brief, SECRET)
    assert LIMITS[wire](json.loads(request.body)) == 1000
    assert request.warnings == (f"{field} lowered to 1000, the most that up/ours writes",)
    for to, asked in ((brief, 1000), (brief, 10), (target(wire), 2000)):
        request = adapter.request(chat(**{field: asked}), to, SECRET)
        assert (LIMITS[wire](json.loads(request.body)), request.warnings) == (asked, ())


@pytest.mark.parametrize(
    ("wire", "surface", "field"),
    [("anthropic", "messages", "max_tokens"), ("openai", "responses", "max_output_tokens")],
)
@pytest.mark.parametrize(("asked", "told"), [(2000, 1000), (10, 10)])
def test_a_body_that_passes_is_lowered_too(wire, surface, field, asked, told):
    request = chat(max_completion_tokens=asked)
    request.surface, request.native = surface, json.dumps({"model": "auto", field: asked, "top_p": 1.0}).encode()
    to = target(wire, max_output=1000, capabilities=frozenset({"responses"}))
    made = adapters()[wire].request(request, to, SECRET)
    assert json.loads(made.body) == {"model": "theirs", field: told, "top_p": 1.0}
    lowered = f"{field} lowered to 1000, the most that up/ours writes"
    assert made.warnings == (() if asked == told else (lowered,))


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    ("address", "model", "name"),
    [
        (OPENAI, "gpt-4o", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "gpt-4o", "max_completion_tokens"),
        (AZURE, "our-deployment", "max_completion_tokens"),
        ("https://models.example/v1", "o3-mini", "max_completion_tokens"),
        ("https://models.example/v1", "openai/gpt-5.1-mini", "max_completion_tokens"),
        ("https://models.example/v1", "gpt-4o", "max_tokens"),
        ("https://models.example/v1", "openai/gpt-oss-20b", "max_tokens"),
        ("https://models.example/v1", "foo1-mini", "max_tokens"),
        ("http://127.0.0.1:8080/v1", "qwen3", "max_tokens"),
    ],
)
def test_a_limit_has_the_name_that_the_upstream_knows(address, model, name, field):
    body = sent(adapters()["openai"], target(base_url=address, upstream_model=model), **{field: 50})
    assert {one: value for one, value in body.items() if one.startswith("max_")} == {name: 50}


def test_of_two_limits_the_newer_counts_and_none_is_none():
    openai, newer = adapters()["openai"], target(base_url=OPENAI)
    for to in (target(), newer):
        assert [n for one, n in sent(openai, to, max_tokens=9, max_completion_tokens=50).items() if "max" in one] == [
            50
        ]
        assert sent(openai, to, max_tokens=None)["max_tokens"] is None, "passes as it came"


def test_developers_are_the_system_where_only_that_is_known():
    openai, told = adapters()["openai"], {"role": "system", "content": TALK[0]["content"]}
    assert sent(openai, messages=TALK)["messages"] == [told, TALK[1]]
    assert sent(openai, target(base_url=OPENAI), messages=TALK)["messages"] == TALK
    assert sent(openai, target(upstream_model="gpt-5"), messages=TALK)["messages"] == TALK
    quoted = [{"role": "user", "content": '"developer"'}]
    assert sent(openai, messages=quoted)["messages"] == quoted


MISTRAL, GROQ = "https://api.mistral.ai/v1", "https://api.groq.com/openai/v1"


def looped(call_id, *more, **said):
    """A tool loop that another vendor's model began."""
    call = {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    return [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [call], **said},
        {"role": "tool", "tool_call_id": call_id, "content": "sunny"},
        *more,
    ]


def ids(body):
    """Of the call, and of its result."""
    return body["messages"][1]["tool_calls"][0]["id"], body["messages"][2]["tool_call_id"]


@pytest.mark.parametrize(
    ("address", "model"),
    [(MISTRAL, "theirs"), ("http://127.0.0.1:8000/v1", "mistralai/Devstral-Small-2507"), (MISTRAL, "magistral")],
)
@pytest.mark.parametrize("given", ["call_abc", "toolu_01A09q90qw90lq917835lq9", "functions.weather:0", "l4v2kNy9e"])
def test_mistral_gets_ids_of_nine_letters_and_digits(address, model, given):
    call, result = ids(
        sent(adapters()["openai"], target(base_url=address, upstream_model=model), messages=looped(given))
    )
    assert call == result and len(call) == 9 and call.isalnum()
    assert (call == given) is (given == "l4v2kNy9e"), "its own stay"


def test_two_calls_keep_two_ids_and_the_same_ones_in_each_request():
    mistral, openai = target(base_url=MISTRAL), adapters()["openai"]
    one, other = (ids(sent(openai, mistral, messages=looped(given)))[0] for given in ("call_1", "call_2"))
    assert one != other and one == ids(sent(openai, mistral, messages=looped("call_1")))[0]


@pytest.mark.parametrize(
    ("address", "given", "length"),
    [
        (OPENAI, "chatcmpl-tool-" + 32 * "f", 40),
        (AZURE, 41 * "x", 40),
        (OPENAI, 40 * "x", 40),
        (GROQ, 46 * "x", 46),
    ],
)
def test_openai_gets_ids_of_forty_characters_at_most(address, given, length):
    call, result = ids(sent(adapters()["openai"], target(base_url=address), messages=looped(given)))
    assert call == result and len(call) == length and (call == given) is (len(given) == length)


def test_mistral_hears_an_answer_between_a_tools_result_and_the_user():
    openai, talk = adapters()["openai"], looped("l4v2kNy9e", {"role": "user", "content": "So?"})
    request = openai.request(chat(messages=talk), target(base_url=MISTRAL), SECRET)
    said = json.loads(request.body)["messages"]
    assert [message["role"] for message in said] == ["user", "assistant", "tool", "assistant", "user"]
    assert said[3]["content"] and request.warnings == (
        "an assistant's turn added between a tool's result and the user's words",
    )
    assert sent(openai, target(base_url=GROQ), messages=talk)["messages"] == talk
    assert openai.request(chat(messages=looped("l4v2kNy9e")), target(base_url=MISTRAL), SECRET).warnings == ()


@pytest.mark.parametrize("address", [MISTRAL, GROQ, "https://api.cerebras.ai/v1"])
def test_what_other_models_thought_is_kept_from_those_who_refuse_the_field(address):
    openai, nulls = adapters()["openai"], {"refusal": None, "annotations": [], "function_call": None}
    talk = looped("l4v2kNy9e", reasoning_content="hm", **nulls)
    request = openai.request(chat(messages=talk), target(base_url=address), SECRET)
    said = json.loads(request.body)["messages"]
    assert said == looped("l4v2kNy9e") and request.warnings == ("reasoning_content dropped",)
    assert sent(openai, target(base_url="https://api.deepseek.com"), messages=talk)["messages"] == talk


def test_thoughts_by_their_own_name_go_back_to_groq_but_not_to_mistral():
    openai, talk = adapters()["openai"], looped("l4v2kNy9e", reasoning="hm")
    assert sent(openai, target(base_url=GROQ), messages=talk)["messages"] == talk
    assert sent(openai, target(base_url=MISTRAL), messages=talk)["messages"] == looped("l4v2kNy9e")


@pytest.mark.parametrize("tools", [{"tools": []}, {"tools": None}, {}])
def test_no_tools_are_no_list_of_tools(tools):
    openai = adapters()["openai"]
    plain = sent(openai)
    assert sent(openai, **tools, tool_choice="auto", parallel_tool_calls=True) == plain
    assert sent(openai, **tools, tool_choice="required") == plain | {"tool_choice": "required"}
    message = {"role": "assistant", "content": "So", "tool_calls": []}
    kept = sent(openai, target(base_url=OPENAI), messages=[message])["messages"]
    assert kept == [{"role": "assistant", "content": "So"}]


@pytest.mark.parametrize(
    "studio", [{"provider": "lm-studio"}, {"base_url": "http://10.0.0.7:1234/v1"}], ids=["name", "port"]
)
def test_lm_studio_writes_any_object_by_a_schema(studio):
    openai, wanted = adapters()["openai"], {"type": "json_object"}
    schema = sent(openai, target(**studio), response_format=wanted)["response_format"]
    assert (schema["type"], schema["json_schema"]["schema"]) == ("json_schema", {"type": "object"})
    assert sent(openai, target(**studio), response_format={"type": "text"})["response_format"] == {"type": "text"}
    assert sent(openai, response_format=wanted)["response_format"] == wanted


def test_mistral_is_not_asked_for_what_it_refuses():
    openai, mistral = adapters()["openai"], target(base_url=MISTRAL)
    fields = {"stream": True, "stream_options": {"include_usage": True}, "seed": 7, "user": "u", "logit_bias": {"1": 1}}
    request = openai.request(chat(**fields), mistral, SECRET)
    assert json.loads(request.body) == sent(openai, mistral) | {"stream": True, "random_seed": 7}
    assert request.warnings == ("logit_bias dropped", "user dropped")
    assert sent(openai, mistral, logprobs=True)["logprobs"] is True, "shapes the answer: another is asked"
    asked = sent(openai, **fields)
    assert asked["stream_options"] == {"include_usage": True} and (asked["seed"], asked["user"]) == (7, "u")


@pytest.mark.parametrize(
    ("field", "usual", "dearer"), [("service_tier", "auto", "priority"), ("service_tier", "flex", "priority"),
                                   ("speed", "standard", "fast")],
)  # fmt: skip
def test_a_dearer_service_than_the_one_that_is_priced_is_not_asked_for(field, usual, dearer):
    openai = adapters()["openai"]
    assert sent(openai, **{field: usual})[field] == usual
    made = openai.request(chat(**{field: dearer}), target(), SECRET)
    assert field not in json.loads(made.body)
    assert made.warnings == (f'{field} "{dearer}" dropped: it has another price',)
    request = chat()
    request.surface, request.native = "messages", json.dumps({"model": "auto", field: dearer}).encode()
    made = adapters()["anthropic"].request(request, target("anthropic"), SECRET)
    assert json.loads(made.body) == {"model": "theirs"} and len(made.warnings) == 1


def test_no_other_field_outdoes_the_limit():
    made = adapters()["openai"].request(chat(max_tokens=10, n_predict=9000, best_of=8, n_cmpl=8), target(), SECRET)
    assert {name for name in json.loads(made.body)} == {"model", "messages", "max_tokens"}
    assert [warning.split()[0] for warning in made.warnings] == ["best_of", "n_cmpl", "n_predict"]
