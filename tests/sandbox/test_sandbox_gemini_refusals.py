"""How the sandbox's Gemini ends early, refuses and fails, as Google's own SDK and a plain connection see it."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from google import genai
from google.genai import errors, types

from providers.sandbox.steps import ScriptedCall
from providers.sandbox.testing import Sandbox, Step, fault
from tests.sandbox.google_calls import FLASH, PRO, QUESTION, ask, stream

ASKED = {"contents": [{"parts": [{"text": QUESTION}]}]}


def post(sandbox: Sandbox, body: dict, *, method="generateContent", model=FLASH, version="v1beta") -> bytes:
    """What a plain connection gets: the SDK mends some requests before it sends them."""
    address = f"{sandbox.url}/{version}/models/{model}:{method}"
    with urlopen(Request(address, json.dumps(body).encode())) as answer:
        return answer.read()


def refused(sandbox: Sandbox, change: dict, **options) -> str:
    """The message of the refusal."""
    with pytest.raises(HTTPError) as caught:
        post(sandbox, ASKED | change, **options)
    with caught.value as answer:
        error = json.loads(answer.read())["error"]
    assert (answer.code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    return error["message"]


def declared(parameters: dict, **more) -> dict:
    return {"tools": [{"functionDeclarations": [{"name": "f", "parameters": parameters} | more]}]}


def config(**fields) -> dict:
    return {"generationConfig": fields}


def object_of(**properties) -> dict:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize("version", ["v1", "v1alpha", "v1beta"])
def test_answers_in_every_version_of_the_api(gemini_sandbox, version):
    assert b"Tokyo" in post(gemini_sandbox, ASKED, version=version)


def test_streams_one_json_array_where_sse_is_not_asked_for(gemini_sandbox):
    chunks = json.loads(post(gemini_sandbox, ASKED, method="streamGenerateContent"))
    said = "".join(chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks)
    assert "Tokyo" in said and chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    gemini_sandbox.script(fault("error_in_stream_before"))
    (error,) = json.loads(post(gemini_sandbox, ASKED, method="streamGenerateContent") + b"]")
    assert error["error"]["status"] == "UNAVAILABLE"


def test_takes_names_in_both_spellings(gemini_sandbox):
    body = ASKED | {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generation_config": {"max_output_tokens": 3},
    }
    answer = json.loads(post(gemini_sandbox, body))
    assert answer["usageMetadata"]["candidatesTokenCount"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"messages": []}, 'Unknown name "messages"'),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "Hi"}]}]}, "valid role: user, model"),
        ({"contents": [{"role": "user", "parts": []}]}, "parts must not be empty"),
        ({"contents": [{"parts": [{}]}]}, "must have one initialized field"),
        ({"contents": [{"parts": [{"text": "Hi", "cache_control": {}}]}]}, 'Unknown name "cache_control"'),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}]}, "Base64 decoding failed"),
        (config(max_tokens=5), 'Unknown name "max_tokens"'),
        (config(temperature=2.5), "temperature"),
        (config(candidateCount=9), "candidate_count"),
        (config(stopSequences=list("abcdef")), "stop_sequences"),
        (config(responseSchema=object_of(a={"type": "string"})), "a schema needs application/json"),
        (config(thinkingConfig={"thinkingBudget": 1, "thinkingLevel": "LOW"}), "only set one of"),
        (config(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level is not supported"),
        (declared(object_of(a={"type": ["string", "null"]})), "does not repeat"),
        (declared(object_of(a={"type": "string", "format": "uri"})), "only 'enum' and 'date-time' are supported"),
        (declared(object_of(a={"type": "integer", "enum": ["1"]})), "only allowed for STRING type"),
        (declared(object_of(a={"type": "array"})), "items: missing field"),
        (declared(object_of(a={"$ref": "#/$defs/a"})), 'Unknown name "$ref"'),
        (declared(object_of()), "should be non-empty for OBJECT type"),
        (declared(object_of(a={"type": "string"}) | {"required": ["b"]}), "property is not defined"),
        (declared(object_of(a={"type": "string"}) | {"additionalProperties": False}), "additionalProperties"),
        (declared(object_of(a={"type": "string"}), parametersJsonSchema={}), "only one of"),
        (declared(object_of(a={"type": "string"}), name="no good"), "Invalid function name"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "without function_declarations"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "required"}}}, "function_calling_config.mode"),
    ],
)
def test_refuses_what_the_vendor_refuses(gemini_sandbox, change, message):
    assert message in refused(gemini_sandbox, change)


def test_takes_any_json_schema_under_the_names_for_it(gemini_sandbox):
    free = {"type": ["object", "null"], "additionalProperties": False, "properties": {"a": {"$ref": "#/$defs/a"}}}
    free["$defs"] = {"a": {"type": "string", "const": "b"}}
    function = {"name": "f", "parametersJsonSchema": free}
    assert post(gemini_sandbox, ASKED | {"tools": [{"functionDeclarations": [function]}]})
    assert post(gemini_sandbox, ASKED | config(responseMimeType="application/json", responseJsonSchema=free))


def test_a_thinking_model_cannot_stop_thinking(gemini_sandbox):
    change = config(thinkingConfig={"thinkingBudget": 0})
    assert "only works in thinking mode" in refused(gemini_sandbox, change, model=PRO)


@pytest.mark.filterwarnings("ignore:A_NEW_ONE is not a valid FinishReason")
@pytest.mark.parametrize("reason", [*types.FinishReason, "A_NEW_ONE"])
def test_ends_for_every_reason_on_demand(gemini, gemini_sandbox, reason):
    gemini_sandbox.script(*[Step(text="So far", finish_as=str(getattr(reason, "value", reason)))] * 2)
    assert ask(gemini).candidates[0].finish_reason == reason
    assert stream(gemini)[-1].candidates[0].finish_reason == reason


@pytest.mark.parametrize("reason", ["PROHIBITED_CONTENT", "JAILBREAK"])
def test_blocks_a_prompt_without_a_candidate(gemini, gemini_sandbox, reason):
    step = fault("content_filter", finish_as=reason)
    gemini_sandbox.script(step, step)
    for answer in (ask(gemini), *stream(gemini)):
        assert (answer.candidates, answer.prompt_feedback.block_reason) == (None, reason)
        assert answer.usage_metadata.prompt_token_count > 0


def test_tells_of_a_malformed_call_instead_of_making_it(gemini, gemini_sandbox):
    gemini_sandbox.script(Step(tool_calls=(ScriptedCall("add", '{"a": 1'),)))
    candidate = ask(gemini).candidates[0]
    assert (candidate.finish_reason, candidate.content.parts) == ("MALFORMED_FUNCTION_CALL", None)


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("429", 429, "RESOURCE_EXHAUSTED"),
        ("429-quota", 429, "RESOURCE_EXHAUSTED"),
        ("400", 400, "INVALID_ARGUMENT"),
        ("401", 400, "INVALID_ARGUMENT"),
        ("403", 403, "PERMISSION_DENIED"),
        ("404", 404, "NOT_FOUND"),
        ("500", 500, "INTERNAL"),
        ("503", 503, "UNAVAILABLE"),
        ("504", 504, "DEADLINE_EXCEEDED"),
        ("529", 503, "UNAVAILABLE"),
        ("context_length", 400, "INVALID_ARGUMENT"),
    ],
)
def test_refuses_as_the_sdk_expects(gemini, gemini_sandbox, name, code, status):
    gemini_sandbox.script(fault(name), fault(name))
    for refuse in (ask, stream):
        with pytest.raises(errors.APIError) as caught:
            refuse(gemini)
        assert (caught.value.code, caught.value.status) == (code, status)
        assert caught.value.details["error"]["code"] == code


def test_says_in_the_body_when_to_come_back(gemini, gemini_sandbox):
    gemini_sandbox.script(fault("429", retry_after=7))
    with pytest.raises(errors.ClientError) as caught:
        ask(gemini)
    quota, retry = caught.value.details["error"]["details"]
    assert quota["violations"][0]["quotaId"].startswith("GenerateRequestsPerMinute")
    assert retry == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    assert "retry-after" not in caught.value.response.headers


def test_refuses_a_wrong_key_as_an_argument(gemini_sandbox):
    other = genai.Client(api_key="invalid-key", http_options=types.HttpOptions(base_url=gemini_sandbox.url))
    with pytest.raises(errors.ClientError, match="API key not valid") as caught:
        ask(other)
    other.close()
    assert caught.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_sends_an_error_inside_the_stream(gemini, gemini_sandbox):
    gemini_sandbox.script(fault("error_in_stream_after", after=2))
    said = ""
    with pytest.raises(errors.ServerError, match="overloaded"):
        for chunk in gemini.models.generate_content_stream(model=FLASH, contents=QUESTION):
            said += chunk.text or ""
    assert said == "Sandbox text"
