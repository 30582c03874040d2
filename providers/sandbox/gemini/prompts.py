"""How Gemini's server reads a request for a chat, and what it refuses."""

import re
from collections.abc import Mapping
from typing import Any, Final

from providers.sandbox.gemini.contents import check_signatures, read_content, read_contents, text_of, turns
from providers.sandbox.gemini.fields import listed, names, read
from providers.sandbox.gemini.schemas import either
from providers.sandbox.gemini.signatures import LAX, STRICT, Signatures
from providers.sandbox.prompts import Prompt, ToolSpec, Turn
from providers.sandbox.replies import Trouble, invalid

REQUEST: Final = names(
    "model contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent labels store "
    "serviceTier"
)
CONFIG: Final = names(
    "stopSequences responseMimeType responseSchema responseJsonSchema responseModalities candidateCount "
    "maxOutputTokens temperature topP topK seed presencePenalty frequencyPenalty responseLogprobs logprobs "
    "enableEnhancedCivicAnswers speechConfig thinkingConfig imageConfig mediaResolution"
)
THINKING: Final = names("includeThoughts thinkingBudget thinkingLevel")
TOOL: Final = names(
    "functionDeclarations googleSearch googleSearchRetrieval codeExecution urlContext googleMaps fileSearch computerUse"
)
FUNCTION: Final = names("name description behavior parameters parametersJsonSchema response responseJsonSchema")
TOOL_CONFIG: Final = names("functionCallingConfig retrievalConfig includeServerSideToolInvocations")
CALLING: Final = names("mode allowedFunctionNames streamFunctionCallArguments")
MODES: Final = {"MODE_UNSPECIFIED": "auto", "AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}
FUNCTION_NAME: Final = re.compile(r"[A-Za-z_][\w.:-]{0,127}", re.ASCII)
JSON_TYPE: Final = "application/json"
MIME_TYPES: Final = ("text/plain", JSON_TYPE, "text/x.enum", "application/xml", "application/yaml")
MOST_STOPS: Final = 5
MOST_CANDIDATES: Final = 8


def read_prompt(model: str, stream: bool, body: Mapping[str, Any], signatures: Signatures) -> Prompt:
    """The prompt of `generateContent`; raises `Trouble` in the server's manner."""
    fields = read(body, REQUEST, "")
    if "cachedContent" in fields:
        raise Trouble("forbidden", "CachedContent not found (or permission denied)", status=403)
    config = _config(fields.get("generationConfig", {}))
    plain = model.partition("!")[0]
    contents = read_contents(fields.get("contents"), "contents")
    said = turns(contents)
    check_signatures(contents, plain, signatures)
    tools = tuple(_tools(fields))
    allowed, choice = _choice(fields.get("toolConfig", {}), tools)
    schema = _schema(config)
    if tools and schema is not None and plain.startswith(LAX):
        raise invalid("Function calling with a response mime type: 'application/json' is unsupported")
    return Prompt(
        model=model,
        turns=(*_system(fields), *said),
        stream=stream,
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(listed(config.get("stopSequences"), "generation_config.stop_sequences")),
        n=config.get("candidateCount", 1),
        seed=config.get("seed", 0),
        tools=allowed,
        tool_choice=choice,
        schema=schema,
        thinking=_thinks(config.get("thinkingConfig"), plain),
        body=config,
    )


def shows_thoughts(prompt: Prompt) -> bool:
    """Whether the answer shows its thoughts: where the caller wants them, or where they are scripted unasked."""
    wanted = prompt.body.get("thinkingConfig", {}).get("includeThoughts")
    return not prompt.thinking if wanted is None else bool(wanted)


def _config(value: Any) -> dict[str, Any]:
    config = read(value, CONFIG, "generation_config")
    if not 0 <= config.get("temperature", 0) <= 2:
        raise invalid("* GenerateContentRequest.generation_config.temperature: must be in the range [0.0, 2.0].")
    if not 1 <= config.get("candidateCount", 1) <= MOST_CANDIDATES:
        raise invalid(f"* GenerateContentRequest.generation_config.candidate_count: must be in [1, {MOST_CANDIDATES}].")
    if config.get("maxOutputTokens", 1) < 1:
        raise invalid("* GenerateContentRequest.generation_config.max_output_tokens: must be positive.")
    if len(config.get("stopSequences", ())) > MOST_STOPS:
        raise invalid(f"* GenerateContentRequest.generation_config.stop_sequences: at most {MOST_STOPS}.")
    if config.get("responseMimeType", JSON_TYPE) not in MIME_TYPES:
        raise invalid(f"* GenerateContentRequest.generation_config.response_mime_type: allowed are {MIME_TYPES}.")
    if "thinkingConfig" in config:
        config["thinkingConfig"] = read(config["thinkingConfig"], THINKING, "generation_config.thinking_config")
    return config


def _system(fields: Mapping[str, Any]) -> tuple[Turn, ...]:
    if "systemInstruction" not in fields:
        return ()
    return (Turn("system", text_of(read_content(fields["systemInstruction"], "system_instruction"))),)


def _schema(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema of the answer; {} where any JSON will do."""
    schema = either(config, "responseSchema", "responseJsonSchema", "generation_config")
    if config.get("responseMimeType") != JSON_TYPE:
        if schema is not None:
            raise invalid(
                "* GenerateContentRequest.generation_config.response_mime_type: a schema needs application/json."
            )
        return None
    return schema or {}


def _thinks(thinking: dict[str, Any] | None, model: str) -> bool:
    if model.startswith(STRICT):
        if thinking and thinking.get("thinkingBudget") == 0:
            raise invalid("Budget 0 is invalid. This model only works in thinking mode.")
        thinking = thinking or {"thinkingBudget": -1}
    if thinking is None:
        return False
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise invalid("You can only set one of thinking budget and thinking level.")
    if "thinkingLevel" in thinking and model.startswith(LAX):
        raise invalid("Thinking level is not supported for this model.")
    return bool(thinking.get("thinkingBudget", -1) != 0)


def _tools(fields: Mapping[str, Any]) -> list[ToolSpec]:
    """The caller's functions; what Google runs itself is never used."""
    found: dict[str, ToolSpec] = {}
    for at, tool in enumerate(listed(fields.get("tools"), "tools")):
        held = read(tool, TOOL, f"tools[{at}]").get("functionDeclarations")
        for place, function in enumerate(listed(held, f"tools[{at}].function_declarations")):
            spec = _function(function, f"tools[{at}].function_declarations[{place}]")
            if spec.name in found:
                raise invalid(f"Duplicate function declaration found: {spec.name}")
            found[spec.name] = spec
    return list(found.values())


def _function(value: Any, where: str) -> ToolSpec:
    fields = read(value, FUNCTION, where)
    name = fields.get("name") or ""
    if not FUNCTION_NAME.fullmatch(name):
        raise invalid(
            f"* GenerateContentRequest.{where}.name: Invalid function name. It starts with a letter or an underscore "
            "and holds letters, digits, underscores, dots, colons and dashes."
        )
    schema = either(fields, "parameters", "parametersJsonSchema", f"GenerateContentRequest.{where}")
    return ToolSpec(name, fields.get("description") or "", schema or {})


def _choice(value: Any, tools: tuple[ToolSpec, ...]) -> tuple[tuple[ToolSpec, ...], str]:
    """The tools that may be called, and how: auto, none, required or the name of the only one."""
    config = read(value, TOOL_CONFIG, "tool_config").get("functionCallingConfig")
    if config is None:
        return tools, "auto"
    calling = read(config, CALLING, "tool_config.function_calling_config")
    mode = str(calling.get("mode", "MODE_UNSPECIFIED")).upper()
    if mode not in MODES:
        raise invalid(f"Invalid value at 'tool_config.function_calling_config.mode', \"{mode}\"")
    allowed = listed(calling.get("allowedFunctionNames"), "tool_config.function_calling_config.allowed_function_names")
    _refuse_allowed(allowed, mode, tools)
    left = tuple(tool for tool in tools if tool.name in allowed) if allowed else tools
    if mode == "ANY" and len(left) == 1:
        return left, left[0].name
    return left, MODES[mode]


def _refuse_allowed(allowed: list[str], mode: str, tools: tuple[ToolSpec, ...]) -> None:
    if mode in ("ANY", "VALIDATED") and not tools:
        raise invalid("Function calling config is set without function_declarations.")
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise invalid("Allowed function names should only be set when the function calling mode is ANY or VALIDATED.")
    unknown = set(allowed) - {tool.name for tool in tools}
    if unknown:
        raise invalid(f"Allowed function names are not declared: {', '.join(sorted(unknown))}")
