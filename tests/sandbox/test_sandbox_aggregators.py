"""What OpenRouter and Hugging Face do, which choose among providers."""

import pytest

from providers.sandbox.testing import fault
from tests.sandbox.flavoured import ask, get, models, post, stream


def test_openrouter_begins_with_a_comment_and_ends_with_what_it_cost(flavoured):
    text, chunks = stream(flavoured("openrouter"))
    assert text.startswith(": OPENROUTER PROCESSING\n\ndata: {")
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["cost"] > 0
    whole = ask(flavoured("openrouter"))
    assert whole["usage"]["cost"] == chunks[-1]["usage"]["cost"] and whole["id"].startswith("gen-")
    assert whole["choices"][0]["native_finish_reason"] == "end_turn"


def test_openrouter_answers_with_the_first_model_that_works(flavoured):
    answer = ask(flavoured("openrouter"), model="sandbox-mini!503", models=["sandbox-mini!429", "sandbox-large"])
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
def test_openrouter_obeys_the_wishes_about_providers(flavoured, wishes, provider):
    sandbox = flavoured("openrouter")
    assert ask(sandbox, provider=wishes)["provider"] == provider
    assert {chunk["provider"] for chunk in stream(sandbox, provider=wishes)[1]} == {provider}
    assert sandbox.calls()[-1].body["provider"] == wishes


def test_openrouter_refuses_where_no_provider_is_left(flavoured):
    refused = post(flavoured("openrouter"), provider={"order": ["nobody"], "allow_fallbacks": False})
    assert refused.status_code == refused.json()["error"]["code"] == 404


@pytest.mark.parametrize(("name", "code"), [("429-quota", 402), ("content_filter", 403), ("429", 429), ("529", 502)])
def test_openrouters_errors_have_the_status_as_their_code(flavoured, name, code):
    sandbox = flavoured("openrouter")
    sandbox.script(fault(name))
    refused = post(sandbox)
    assert refused.status_code == refused.json()["error"]["code"] == code
    assert ("metadata" in refused.json()["error"]) == (name != "429-quota")


def test_openrouter_fails_inside_a_200(flavoured):
    sandbox = flavoured("openrouter")
    sandbox.script(fault("error_in_200"), fault("error_in_200", after=1))
    whole = post(sandbox)
    assert whole.status_code == 200 and "choices" not in whole.json()
    assert whole.json()["error"]["metadata"]["provider_name"] == "Sandbox"
    last = stream(sandbox)[1][-1]
    assert (last["choices"][0]["finish_reason"], last["error"]["code"]) == ("error", "server_error")
    assert last["object"] == "chat.completion.chunk" and last["id"].startswith("gen-")


def test_openrouter_lists_prices_and_skills(flavoured):
    sandbox = flavoured("openrouter")
    row = models(sandbox, "/api/v1/models")["sandbox-mini"]
    assert (row["pricing"]["prompt"], row["pricing"]["completion"]) == ("0.00000015", "0.0000006")
    assert row["architecture"]["input_modalities"] == ["text", "image"] and "tools" in row["supported_parameters"]
    assert get(sandbox, "/api/v1/key").json()["data"]["limit_remaining"] == 7.5


@pytest.mark.parametrize("suffix", ["", ":sandbox", ":fastest", ":cheapest", ":preferred", ":playback!ok"])
def test_hugging_face_takes_a_provider_with_the_model(flavoured, suffix):
    assert ask(flavoured("huggingface"), model=f"sandbox-mini{suffix}")["model"] == "sandbox-mini"


def test_hugging_face_refuses_a_provider_that_it_does_not_have(flavoured):
    refused = post(flavoured("huggingface"), model="sandbox-mini:nobody")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "model_not_supported")


def test_hugging_face_says_in_a_bare_sentence_that_the_credits_are_gone(flavoured):
    sandbox = flavoured("huggingface")
    sandbox.script(fault("429-quota"))
    refused = post(sandbox)
    assert refused.status_code == 402 and refused.json()["error"].startswith("You have exceeded")


def test_hugging_face_lists_providers(flavoured):
    providers = models(flavoured("huggingface"), "/v1/models")["sandbox-mini"]["providers"]
    assert [row["provider"] for row in providers] == ["sandbox", "playback"]
    assert providers[0]["pricing"] == {"input": 0.15, "output": 0.6} and providers[0]["supports_tools"]
