"""How Gemini reads its own kind of schema, an excerpt of OpenAPI's, and what it refuses in one."""

from collections.abc import Mapping
from typing import Any, Final

from providers.sandbox.gemini.fields import listed, names, read
from providers.sandbox.replies import invalid

FIELDS: Final = names(
    "type format title description nullable enum maxItems minItems properties required minProperties maxProperties "
    "minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum"
)
TYPES: Final = names("string number integer boolean array object null")
TEXT_FORMATS: Final = names("enum date-time")


def json_schema(value: Any, where: str) -> dict[str, Any]:
    """The same as JSON schema; raises `Trouble` in the server's manner, with the place."""
    fields = read(value, FIELDS, where)
    kind = _type(fields.get("type"), where)
    for check in (_check_text, _check_object, _check_array):
        check(fields, kind, where)
    return fields | ({"type": kind} if kind else {}) | _inner(fields, where)


def _type(value: Any, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        raise invalid(f"Invalid value at '{where}.type': the field does not repeat, a list cannot start here.")
    if str(value).lower() not in TYPES:
        raise invalid(f"Invalid value at '{where}.type' (type.googleapis.com/google.ai.Type), \"{value}\"")
    return str(value).lower()


def _check_text(fields: Mapping[str, Any], kind: str, where: str) -> None:
    if "enum" in fields and kind != "string":
        raise invalid(f"* {where}.enum: only allowed for STRING type")
    if kind == "string" and fields.get("format", "enum") not in TEXT_FORMATS:
        raise invalid(f"* {where}.format: only 'enum' and 'date-time' are supported for STRING type")


def _check_object(fields: Mapping[str, Any], kind: str, where: str) -> None:
    properties = fields.get("properties") or {}
    if kind == "object" and not properties:
        raise invalid(f"* {where}.properties: should be non-empty for OBJECT type")
    for at, name in enumerate(listed(fields.get("required"), f"{where}.required")):
        if name not in properties:
            raise invalid(f"* {where}.required[{at}]: property is not defined")


def _check_array(fields: Mapping[str, Any], kind: str, where: str) -> None:
    if kind == "array" and "items" not in fields:
        raise invalid(f"* {where}.items: missing field.")


def _inner(fields: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The schemas within a schema."""
    inner: dict[str, Any] = {}
    if "properties" in fields:
        inner["properties"] = {
            name: json_schema(schema, f"{where}.properties[{name}]") for name, schema in fields["properties"].items()
        }
    if "items" in fields:
        inner["items"] = json_schema(fields["items"], f"{where}.items")
    if "anyOf" in fields:
        several = listed(fields["anyOf"], f"{where}.any_of")
        inner["anyOf"] = [json_schema(schema, f"{where}.any_of[{at}]") for at, schema in enumerate(several)]
    return inner


def either(fields: Mapping[str, Any], own: str, standard: str, where: str) -> dict[str, Any] | None:
    """The schema under one of two names: Gemini's own kind, or JSON schema as it stands; raises `Trouble` for both."""
    if own in fields and standard in fields:
        raise invalid(f"* {where}: only one of {own} and {standard} may be set.")
    return json_schema(fields[own], f"{where}.{own}") if own in fields else fields.get(standard)
