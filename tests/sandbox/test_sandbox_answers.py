"""What the models of the sandbox say: sensible, the same every time, and within a schema."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.sandbox.arithmetic import first_sum
from providers.sandbox.facts import Facts
from providers.sandbox.prompts import Prompt, Turn
from providers.sandbox.sayings import saying
from providers.sandbox.schemas import instance
from providers.sandbox.tokens import pieces


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the capital of France?", "The capital of France is Paris."),
        ("what's the capital of the united states", "is Washington, D.C."),
        ("How much is 17 plus 25?", "17 + 25 = 42."),
        ("What is 3.5 * (2 + 4)?", "3.5 * (2 + 4) = 21."),
        ("What is 15% of 80?", "= 12."),
        ("Count from 3 to 6, please.", "3, 4, 5, 6."),
        ("Write a Rust function that sorts numbers.", "```rust\nfn function"),
        ("Hello", "Hello! Ask me"),
        ("Why do cats purr?", "You asked: “Why do cats purr?” That is 4 words, in turn 1"),
        ("", "There was no question."),
    ],
)
def test_answers_what_was_asked(question, answer):
    said = saying(Prompt("sandbox-mini", (Turn("user", question),)), 0)
    assert said.startswith("Sandbox text, played as sandbox-mini: ")
    assert answer.replace("fn function", "fn ") in said


@pytest.mark.parametrize(
    "text", ["1/0", "2**9999999999", "9999999999999**64", "3 +", "no sum", "1-800-555" + "*2" * 3000]
)
def test_a_sum_that_cannot_be_worked_out_is_none(text):
    found = first_sum(text)
    assert found is None or float(found[1]) is not None


@given(st.text())
def test_pieces_joined_are_the_text(text):
    assert "".join(pieces(text)) == text


SCHEMAS = [
    {},
    {"type": "object"},
    {"type": "object", "required": ["a"]},
    {"type": "string", "minLength": 5, "maxLength": 6},
    {"type": "integer", "minimum": 10, "maximum": 20, "multipleOf": 6},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 2},
    {"type": ["string", "null"]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "items": {"type": "string"}, "maxItems": 1},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": False},
    {"enum": ["red", "green"]},
    {"const": 7},
    {"anyOf": [{"type": "null"}, {"type": "integer"}]},
    {"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]}]},
    {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["a"]}]},
    {"type": "string", "format": "date"},
    {"$defs": {"n": {"type": "integer"}}, "type": "object", "properties": {"x": {"$ref": "#/$defs/n"}}},
    {
        "$defs": {
            "tree": {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
        },
        "$ref": "#/$defs/tree",
    },
    {"type": "object", "additionalProperties": False, "required": ["b"], "properties": {"b": {"type": "boolean"}}},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
@pytest.mark.parametrize("text", ["", "Ada paid 12.5 euros for 3 pens on 2025-02-01 in “Rome”, says ada@example.org."])
def test_instances_are_what_the_schema_allows(schema, text):
    jsonschema.validate(instance(schema, Facts(text)), schema, format_checker=jsonschema.FormatChecker())


def test_instances_are_filled_from_the_text():
    properties = {name: {"type": "string"} for name in ("city", "email", "date")} | {"count": {"type": "integer"}}
    filled = instance(
        {"type": "object", "properties": properties},
        Facts("Send 3 pens to ada@example.org, who lives in Rome, on 2025-02-01."),
    )
    assert filled == {"city": "Rome", "email": "ada@example.org", "date": "2025-02-01", "count": 3}
