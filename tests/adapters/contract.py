"""Does what we emit follow OpenAI's published schema?"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

SPEC = Path(__file__).parents[3] / "shared" / "spec" / "openai-trim.json"
CHUNK = "CreateChatCompletionStreamResponse"
ANSWER = "CreateChatCompletionResponse"


def check(payload: dict[str, Any], schema: str) -> None:
    """Fail with the first thing that the schema forbids; skip where the schema is not there."""
    if not SPEC.exists():
        pytest.skip(f"OpenAI's schema is not at {SPEC.name} beside this checkout")
    validator(schema).validate(payload)


@cache
def validator(schema: str) -> Draft202012Validator:
    document = json.loads(SPEC.read_text())
    return Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]})
