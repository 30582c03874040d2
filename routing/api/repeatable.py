"""What every POST of the data plane has in the OpenAPI schema: the Idempotency-Key that it takes, and its refusal."""

from typing import Any, Final

from routing.api.entry import LONGEST_KEY

TAG: Final = "Data plane"
KEY: Final[dict[str, Any]] = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same again within a day is answered, not done. Streams run whenever they are asked for.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
}
REUSED: Final = "The Idempotency-Key was used with another body"


def add_idempotency_keys(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular hook: here, and not at each view, since the views' one dispatch honours it for all of them."""
    for methods in result["paths"].values():
        operation = methods.get("post")
        if operation and TAG in operation["tags"]:
            operation["parameters"] = [*operation.get("parameters", ()), KEY]
            operation["responses"]["422"] = {**operation["responses"]["400"], "description": REUSED}
    return result
