"""Which JSON schema does Anthropic take, where it holds an answer or the call of a strict tool to one? A part of the
language; the rest is refused with 400, so that it goes into the description, as Anthropic's own SDKs say it.

https://docs.claude.com/en/docs/build-with-claude/structured-outputs
"""

from typing import Any, Final

import msgspec

NAMED: Final = frozenset({"properties", "$defs", "definitions"})  # their values are schemas by name
LISTED: Final = frozenset({"anyOf", "oneOf", "allOf"})
PLAIN: Final = frozenset({"$ref", "type", "enum", "const", "title", "description", "default", "required"})
SILENT: Final = frozenset({"$schema", "$id", "$comment", "example", "examples", "deprecated", "readOnly", "strict"})
FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)

Json = dict[str, Any]


def held_schema(schema: Json, lost: set[str]) -> Json:
    """The same schema in the words that Anthropic knows; names of constraints that are only described are added to
    `lost`."""
    said: Json = {}
    described: Json = {}
    for name, value in _alone(schema).items():
        if (known := _word(name, value, lost)) is not None:
            said |= known
        elif name not in SILENT:
            described[name] = value
    if _is_object(schema):
        said["additionalProperties"] = False  # demanded; it writes no other
    if described:
        lost.update(described)
        said["description"] = "\n\n".join(filter(None, (said.get("description"), _in_words(described))))
    return said


def _alone(schema: Json) -> Json:
    """A reference as it must stand: beside nothing but definitions."""
    if "$ref" not in schema:
        return schema
    return {name: value for name, value in schema.items() if name in ("$ref", "$defs", "definitions")}


def _word(name: str, value: Any, lost: set[str]) -> Json | None:
    """What stands for one word of the schema; None for a word that is not known."""
    if name in NAMED and isinstance(value, dict):
        return {name: {key: _sub(each, lost) for key, each in value.items()}}
    if name in LISTED and isinstance(value, list):
        return {"anyOf" if name == "oneOf" else name: [_sub(each, lost) for each in value]}
    if name == "items" and isinstance(value, dict):
        return {name: held_schema(value, lost)}
    if name == "additionalProperties" and value is False:
        return {}
    known = name in PLAIN or (name == "format" and value in FORMATS) or (name == "minItems" and value in (0, 1))
    return {name: value} if known else None


def _sub(schema: Any, lost: set[str]) -> Any:
    return held_schema(schema, lost) if isinstance(schema, dict) else schema


def _is_object(schema: Json) -> bool:
    kind = schema.get("type")
    return (
        kind == "object" or (isinstance(kind, list) and "object" in kind) or (kind is None and "properties" in schema)
    )


def _in_words(described: Json) -> str:
    return "{" + ", ".join(f"{name}: {msgspec.json.encode(value).decode()}" for name, value in described.items()) + "}"
