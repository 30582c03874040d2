"""An example answer for each operation that reads: what a test was answered, kept beside this file.

`KEEP_ANSWERS=1 pytest tests/operator/test_operator_answers.py tests/gateway/test_answers_shown.py` writes it anew.
Without that these tests hold the file against the answers of the day: no example has a field that is gone, none lacks
one that came.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

FILE: Final = Path(__file__).with_name("answerexamples.json")
JSON: Final = "application/json"
NAME: Final = "An answer"


@cache
def kept() -> dict[str, Any]:
    """The answers by the ids of their operations."""
    found: dict[str, Any] = msgspec.json.decode(FILE.read_bytes())
    return found


def add_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular hook: an operation that has no example of its own gets the one that is kept."""
    for methods in result["paths"].values():
        for operation in methods.values():
            told = operation.get("responses", {}).get("200", {}).get("content", {}).get(JSON)
            if told is not None and operation.get("operationId") in kept():
                told.setdefault("examples", {NAME: {"value": kept()[operation["operationId"]]}})
    return result
