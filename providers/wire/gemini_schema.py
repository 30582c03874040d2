"""Which JSON schema does Gemini take? A documented part of the language; the rest is said otherwise or left out.

https://ai.google.dev/api/generate-content, `responseJsonSchema` and `parametersJsonSchema`
"""

from typing import Any, Final

NAMED: Final = frozenset({"properties", "$defs"})  # their values are schemas by name
LISTED: Final = frozenset({"anyOf", "oneOf", "prefixItems"})
NESTED: Final = frozenset({"items", "additionalProperties"})
PLAIN: Final = frozenset(
    {"$id", "$ref", "$anchor", "type", "format", "title", "description", "required", "propertyOrdering"}
    | {"minItems", "maxItems", "minimum", "maximum"}
)
SILENT: Final = frozenset({"$schema", "$comment", "default", "example", "examples", "deprecated", "readOnly", "strict"})
OLD_DEFS: Final = "#/definitions/"


def gemini_schema(schema: dict[str, Any], lost: set[str]) -> dict[str, Any]:
    """The same schema in the words that Gemini knows; names of constraints that are left out are added to `lost`."""
    said: dict[str, Any] = {}
    for name, value in _said_otherwise(_alone(schema)).items():
        said |= _word(name, value, lost)
    return said


def _alone(schema: dict[str, Any]) -> dict[str, Any]:
    """A reference as it must stand: beside nothing but what begins with a dollar."""
    if "$ref" not in schema:
        return schema
    return {name: value for name, value in schema.items() if name.startswith("$") or name == "definitions"}


def _word(name: str, value: Any, lost: set[str]) -> dict[str, Any]:
    if name in NAMED and isinstance(value, dict):
        return {name: {key: _sub(each, lost) for key, each in value.items()}}
    if name in LISTED and isinstance(value, list):
        return {name: [_sub(each, lost) for each in value]}
    if name in NESTED:
        return {name: _nested(name, value, lost)}
    if name == "enum":
        return _enum(value, lost)
    if name in PLAIN:
        return {name: _reference(value) if name == "$ref" else value}
    if name not in SILENT:
        lost.add(name)
    return {}


def _said_otherwise(schema: dict[str, Any]) -> dict[str, Any]:
    """Words that others use for what Gemini has a word for."""
    said = dict(schema)
    if "definitions" in said:
        said["$defs"] = said.get("$defs") or said["definitions"]
        del said["definitions"]
    if "const" in said:
        said.setdefault("enum", [said.pop("const")])
    if said.pop("nullable", None) is True and isinstance(said.get("type"), str):
        said["type"] = [said["type"], "null"]
    parts = said.get("allOf")
    if isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], dict):
        del said["allOf"]
        said = parts[0] | said
    return said


def _sub(schema: Any, lost: set[str]) -> Any:
    """A schema within another; `true` is one that allows everything."""
    return gemini_schema(schema, lost) if isinstance(schema, dict) else {}


def _nested(name: str, value: Any, lost: set[str]) -> Any:
    return value if name == "additionalProperties" and isinstance(value, bool) else _sub(value, lost)


def _enum(values: Any, lost: set[str]) -> dict[str, Any]:
    """Gemini's enumerations have texts and numbers; null is a matter of the type."""
    found = values if isinstance(values, list) else []
    kept = [value for value in found if isinstance(value, str | int | float) and not isinstance(value, bool)]
    if any(value is not None and value not in kept for value in found):
        lost.add("enum")
        return {}
    return {"enum": kept} if kept else {}


def _reference(value: Any) -> Any:
    return value.replace(OLD_DEFS, "#/$defs/") if isinstance(value, str) else value
