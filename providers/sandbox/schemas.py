"""An instance of a JSON schema, filled from what a text mentions."""

from collections.abc import Mapping
from typing import Any, Final

from providers.sandbox.facts import Facts

Schema = Mapping[str, Any]
DEEPEST: Final = 6  # below it optional properties and items are left out, so that recursive schemas end
FORMATS: Final = {
    "date": "2025-01-31",
    "date-time": "2025-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "sandbox@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
}
KINDS: Final = {  # words of a property's name -> the kind of mention that fits
    "email": "email",
    "mail": "email",
    "url": "address",
    "uri": "address",
    "date": "date",
    "day": "date",
    "city": "name",
    "location": "name",
    "place": "name",
    "country": "name",
    "person": "name",
    "name": "name",
}
SAYINGS: Final = {
    "setup": "Why did the request cross the sandbox?",
    "punchline": "To get to the other mock.",
    "unit": "celsius",
    "language": "en",
}


def instance(schema: Schema, facts: Facts, *, optional: bool = True) -> Any:
    """A value that the schema allows; `optional` fills properties that are not required, too.

    Understood: type, properties, required, items, prefixItems, enum, const, $ref within the document, anyOf, oneOf,
    allOf, numeric and length limits, formats. Not: pattern, dependencies, conditions.
    """
    return _Filler(schema, facts, optional).value(schema, "", 0)


class _Filler:
    def __init__(self, root: Schema, facts: Facts, optional: bool) -> None:
        self._root, self._facts, self._optional = root, facts, optional

    def value(self, schema: Schema, name: str, depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chosen(schema["enum"])
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number" as kind:
                return self._number(schema, kind)
            case "boolean":
                return True
            case "null":
                return None
        return self._string(schema, name)

    def _resolved(self, schema: Schema) -> Schema:
        """The schema with references followed and one branch of its alternatives taken."""
        while "$ref" in schema:
            schema = self._at(schema["$ref"])
        for part in schema.get("allOf", ()):
            schema = _joined(schema, self._resolved(part))
        for word in ("anyOf", "oneOf"):
            branches = [self._resolved(branch) for branch in schema.get(word, ())]
            if branches:
                schema = _joined(schema, min(branches, key=lambda branch: _type(branch) == "null"))
        return schema

    def _at(self, reference: str) -> Schema:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")] if step else found
        return found

    def _chosen(self, options: list[Any]) -> Any:
        text = self._facts.text.lower()
        return next((option for option in options if str(option).lower() in text), options[0])

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        wanted = [name for name in properties if name in required or (self._optional and depth < DEEPEST)]
        filled = {name: self.value(properties[name], name, depth + 1) for name in wanted}
        return filled | {name: "sandbox" for name in required if name not in filled}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        first = [self.value(item, name, depth + 1) for item in schema.get("prefixItems", ())]
        least, most = schema.get("minItems", 0), schema.get("maxItems", 1000)
        length = max(least, min(most, 2 if depth < DEEPEST else 0))
        item = schema.get("items") or {}
        if item is True or schema.get("uniqueItems"):
            length = max(least, len(first))
        return first + [self.value(item, name, depth + 1) for _ in range(length - len(first))]

    def _number(self, schema: Schema, kind: str) -> float:
        mentioned = self._facts.take("number")
        number = float(mentioned or 1)
        low = schema.get("minimum", schema.get("exclusiveMinimum", number - 1) + 1)
        high = schema.get("maximum", schema.get("exclusiveMaximum", number + 1) - 1)
        number = float(max(low, min(high, number)))
        step = schema.get("multipleOf")
        if step:
            number = -(-number // step) * step
        return int(number) if kind == "integer" or number.is_integer() else number

    def _string(self, schema: Schema, name: str) -> str:
        text = FORMATS.get(schema.get("format", "")) or self._mention(name)
        text = text.ljust(schema.get("minLength", 0), ".")
        return text[: schema.get("maxLength", len(text))]

    def _mention(self, name: str) -> str:
        if name.lower() in SAYINGS:
            return SAYINGS[name.lower()]
        words = name.lower().replace("-", "_").split("_")
        kind = next((KINDS[word] for word in words if word in KINDS), None)
        kinds = ["quoted", "name"] if kind == "name" else [kind, "quoted"] if kind else ["quoted"]
        mentions = [self._facts.take(kind) for kind in kinds]
        return next(filter(None, mentions), None) or self._facts.text[:120] or f"sandbox {name}".strip()


def _type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((one for one in kind if one != "null"), "null")
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return kind


def _joined(schema: Schema, part: Schema) -> Schema:
    """Both schemas in one: their properties together."""
    merged = {**{key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "allOf")}, **part}
    for key, empty in (("properties", {}), ("required", [])):
        if key in schema and key in part:
            both = (schema.get(key, empty), part.get(key, empty))
            merged[key] = {**both[0], **both[1]} if key == "properties" else [*both[0], *both[1]]
    return merged
