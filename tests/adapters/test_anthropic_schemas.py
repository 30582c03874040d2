"""Which schemas the Anthropic adapter sends: the words that Anthropic takes, held against its own SDK."""

import anthropic
import pytest

from providers.adapters import adapters
from tests.adapters.examples import SECRET, chat, sent, target

ANTHROPIC = adapters()["anthropic"]
AGE = {"type": "integer", "minimum": 0, "maximum": 150, "description": "Years."}
CITY = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
SCHEMAS = [
    {"type": "object", "properties": {"age": AGE, "tags": {"type": "array", "items": CITY, "minItems": 1}}},
    {"type": "object", "properties": {"a": {"oneOf": [CITY, {"type": "null"}]}}, "additionalProperties": False},
    {"type": "object", "properties": {"a": {"anyOf": [{"type": "number", "multipleOf": 5}, {"type": "null"}]}}},
    {"type": "object", "properties": {"a": {"type": "string", "format": "date"}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/C", "description": "A city."}}, "$defs": {"C": CITY}},
    {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3, "minItems": 2},
    {"type": "array", "items": {"type": "string"}, "minItems": 0},
]


def asked(schema, **fields):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}, **fields}


def format_of(schema):
    return sent(ANTHROPIC, **asked(schema))["output_config"]["format"]["schema"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_answers_schema_is_the_one_that_anthropics_sdk_makes_of_it(schema):
    assert format_of(schema) == anthropic.transform_schema(schema)


def test_what_is_only_described_is_noted():
    request = ANTHROPIC.request(chat(**asked(SCHEMAS[0])), target("anthropic"), SECRET)
    assert request.warnings == ("of JSON schemas only described: maximum, minimum",)
    open_map = {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}
    assert format_of(open_map)["additionalProperties"] is False
    request = ANTHROPIC.request(chat(**asked(open_map)), target("anthropic"), SECRET)
    assert request.warnings == ("of JSON schemas only described: additionalProperties",)
    assert "$schema" not in format_of(CITY | {"$schema": "https://json-schema.org/draft/2020-12/schema"})


def test_enumerations_and_types_with_null_keep_their_words():
    words = {"enum": ["a", 1, None], "default": "a", "type": ["string", "integer", "null"]}
    assert format_of({"type": "object", "properties": {"a": words}})["properties"]["a"] == words


def test_of_tools_only_the_strict_are_held_to_such_a_schema():
    function = {"name": "f", "parameters": SCHEMAS[0]}
    tools = [{"type": "function", "function": function | {"strict": strict}} for strict in (True, False)]
    strict, free = sent(ANTHROPIC, tools=tools)["tools"]
    assert strict["input_schema"] == anthropic.transform_schema(SCHEMAS[0]) and free["input_schema"] == SCHEMAS[0]


def test_of_more_strict_tools_than_anthropic_takes_none_is_strict():
    tools = [{"type": "function", "function": {"name": f"f{n}", "parameters": CITY, "strict": True}} for n in range(21)]
    request = ANTHROPIC.request(chat(tools=tools), target("anthropic"), SECRET)
    assert b'"strict"' not in request.body and request.warnings == ("strict dropped: of more than 20 tools",)
    assert all(tool["strict"] for tool in sent(ANTHROPIC, tools=tools[:20])["tools"])
