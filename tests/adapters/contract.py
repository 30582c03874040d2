"""Does what we emit follow OpenAI's published schema?"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

SPEC: Final = Path(__file__).parents[1] / "spec" / "openai-trim.json"
CHUNK: Final = "CreateChatCompletionStreamResponse"
ANSWER: Final = "CreateChatCompletionResponse"


def check(payload: dict[str, Any], schema: str) -> None:
    """Fail with the first thing that the schema forbids."""
    validator(schema).validate(payload)


@cache
def validator(schema: str) -> Draft202012Validator:
    document = json.loads(SPEC.read_text())
    return Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]})
