"""How is a chat said to Gemini? https://ai.google.dev/api/generate-content"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from providers.chat import ChatBody, ChatRequest, FunctionSpec
from providers.errors import UnsupportedByWire
from providers.targets import Target
from providers.wire.fitting import longest
from providers.wire.gemini_contents import contents, system_instruction
from providers.wire.gemini_schema import gemini_schema
from providers.wire.gemini_thinking import signs, thinking_config
from providers.wire.limits import settled, unknown_fields

UNSUPPORTED: Final = frozenset({"custom_tools", "functions", "audio_output", "logit_bias", "parallel_tool_calls"})
NATIVE: Final = frozenset({"top_k", "extra_body"})  # Google's own, which OpenAI clients send along
CONFIG: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "n": "candidateCount",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
MOST_STOPS: Final = 5
MOST_CANDIDATES: Final = 8
SEED_BITS: Final = 0x7FFFFFFF  # Gemini's seed has 32 bits with a sign, OpenAI's 64
THINKING: Final = {
    "thinking_budget": "thinkingBudget",
    "include_thoughts": "includeThoughts",
    "thinking_level": "thinkingLevel",
}
EITHER: Final = re.compile(r"gemini-[12]")  # these call functions or write JSON, not both in one request

Json = dict[str, Any]


def gemini_request(request: ChatRequest, target: Target) -> tuple[Json, list[str]]:
    """The body and what had to be dropped; raises `UnsupportedByWire` for what the wire cannot carry."""
    body = request.body
    unknown = unknown_fields(request)
    warnings = [f"{name} dropped" for name in unknown if name not in NATIVE]
    warnings += settled(body, target, UNSUPPORTED)
    lost: set[str] = set()  # words of JSON schemas
    model = target.upstream_model
    fields: Json = {"contents": contents(body.messages, request.may_carry_to(target.id), signs(model))}
    if (system := system_instruction(body.messages)) is not None:
        fields["systemInstruction"] = system
    fields |= _tools(body, lost)
    config = _sampling(request, longest(request, target, warnings)) | _format(body, model, lost)
    if thinking := thinking_config(body.reasoning_effort, target, warnings):
        config["thinkingConfig"] = thinking
    fields |= _native(unknown, config, warnings)
    if lost:
        warnings.append(f"of JSON schemas dropped: {', '.join(sorted(lost))}")
    return fields | ({"generationConfig": config} if config else {}), warnings


def _sampling(request: ChatRequest, limit: int | None) -> Json:
    body = request.body
    config = {ours: value for name, ours in CONFIG.items() if (value := getattr(body, name)) is not None}
    if (body.n or 1) > MOST_CANDIDATES:
        raise UnsupportedByWire(f"this wire gives {MOST_CANDIDATES} answers at most", param="n")
    if body.seed is not None:
        config["seed"] = body.seed & SEED_BITS
    if limit is not None:
        config["maxOutputTokens"] = limit
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    if len(stops) > MOST_STOPS:
        raise UnsupportedByWire(f"this wire takes {MOST_STOPS} stop sequences at most", param="stop")
    if stops:
        config["stopSequences"] = stops
    if body.logprobs or body.top_logprobs:
        config |= {"responseLogprobs": True} | ({"logprobs": body.top_logprobs} if body.top_logprobs else {})
    return config


def _format(body: ChatBody, model: str, lost: set[str]) -> Json:
    wanted = body.response_format or {}
    if wanted.get("type") in (None, "text"):
        return {}
    if EITHER.search(model) and body.tools and body.tool_choice != "none":
        raise UnsupportedByWire(f"{model} takes no response_format beside tools", param="response_format")
    if wanted["type"] == "json_object":
        return {"responseMimeType": "application/json"}
    given = wanted.get("json_schema")
    schema = given.get("schema") if isinstance(given, dict) else None
    if wanted["type"] != "json_schema" or not isinstance(schema, dict):
        raise UnsupportedByWire("this wire has no such response_format", param="response_format")
    return {"responseMimeType": "application/json", "responseJsonSchema": gemini_schema(schema, lost)}


def _tools(body: ChatBody, lost: set[str]) -> Json:
    functions = [tool.function for tool in body.tools or () if tool.type == "function" and tool.function]
    if not functions:
        return {}
    mode, names = _choice(body.tool_choice)
    if mode == "AUTO" and names:  # only where a call is forced can Gemini choose among some
        functions, names = [function for function in functions if function.name in names], []
    if mode == "AUTO" and all(function.strict for function in functions):
        mode = "VALIDATED"
    calling: Json = {"mode": mode} | ({"allowedFunctionNames": names} if names else {})
    said: Json = {"tools": [{"functionDeclarations": [_declaration(function, lost) for function in functions]}]}
    return said | ({} if body.tool_choice is None and mode == "AUTO" else {"toolConfig": _config(calling)})


def _config(calling: Json) -> Json:
    return {"functionCallingConfig": calling}


def _choice(choice: str | Json | None) -> tuple[str, list[str]]:
    """The mode, and the names of the only functions that may be called."""
    if choice is None or (isinstance(choice, str) and choice in MODES):
        return MODES[choice or "auto"], []
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = choice.get("allowed_tools", choice)
        found = [name for tool in allowed.get("tools", ()) if (name := _name(tool))]
        return MODES.get(allowed.get("mode", "auto"), "AUTO"), found
    if name := _name(choice):
        return "ANY", [name]
    raise UnsupportedByWire("this wire has no such tool_choice", param="tool_choice")


def _name(choice: Any) -> str | None:
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _declaration(function: FunctionSpec, lost: set[str]) -> Json:
    said: Json = {"name": function.name}
    if function.description:
        said["description"] = function.description
    parameters = gemini_schema(function.parameters or {}, lost)
    if parameters.keys() - {"type", "properties", "required", "additionalProperties"} or parameters.get("properties"):
        said["parametersJsonSchema"] = parameters
    return said


def _native(unknown: Mapping[str, Raw], config: Json, warnings: list[str]) -> Json:
    """What is Google's own: `top_k`, and `extra_body.google` as its OpenAI-compatible server reads it."""
    if "top_k" in unknown:
        config["topK"] = msgspec.json.decode(unknown["top_k"])
    extra = msgspec.json.decode(unknown["extra_body"]) if "extra_body" in unknown else {}
    google = extra.get("google") if isinstance(extra, dict) else None
    if extra and not isinstance(google, dict):
        warnings.append("extra_body dropped")
    google = google if isinstance(google, dict) else {}
    wished = google.get("thinking_config")
    if isinstance(wished, dict):
        config["thinkingConfig"] = {THINKING.get(name, name): value for name, value in wished.items()}
    cached = google.get("cached_content")
    return {"cachedContent": cached} if isinstance(cached, str) else {}
