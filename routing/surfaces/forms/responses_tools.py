"""How do the tools of Responses fit into a chat, which knows functions only? Under flat names that lead back.

Functions of a namespace get a name of both parts; a tool with free text becomes a function with one parameter.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct

LONGEST_NAME: Final = 64  # OpenAI's and Anthropic's limit for a function's name
BETWEEN: Final = "__"
INPUT: Final = "input"
FREE_TEXT: Final = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "The tool's whole input, as plain text."}},
    "required": [INPUT],
    "additionalProperties": False,
}


class Origin(Struct, frozen=True):
    """What a chat's function is called in the caller's own body."""

    name: str
    namespace: str | None = None
    custom: bool = False

    def text_of(self, arguments: str) -> str:
        """The free text of a custom tool's call; whatever else the model wrote stays as it is."""
        try:
            said = msgspec.json.decode(arguments)
        except msgspec.DecodeError:
            return arguments
        found = said.get(INPUT) if isinstance(said, dict) else None
        return found if isinstance(found, str) else arguments


class ToolNames:
    """The caller's tools as a chat has them, and the way back from a flat name."""

    def __init__(self, tools: Iterable[dict[str, Any]]) -> None:
        self.functions: list[dict[str, Any]] = []
        self.dropped: list[str] = []  # kinds of tools that no chat knows
        self._flat: dict[tuple[str | None, str], str] = {}
        self._origins: dict[str, Origin] = {}
        for tool, namespace in _one_by_one(tools):
            self._take(tool, namespace)

    def origin(self, flat: str) -> Origin:
        """What the caller calls this function."""
        return self._origins.get(flat) or Origin(flat)

    def flat(self, name: str, namespace: str | None = None) -> str:
        """The chat's name of a tool, also of one that is offered no more."""
        return self._flat.get((namespace, name)) or _joined(name, namespace)

    def choice(self, wanted: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        """`tool_choice` in the chat's form; None where it names no function. A list of allowed tools drops the rest."""
        if not isinstance(wanted, dict):
            return wanted
        if wanted.get("type") == "allowed_tools":
            tools = wanted.get("tools")
            allowed = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
            names = {self._named(tool) for tool in allowed}
            self.functions = [each for each in self.functions if each["function"]["name"] in names]
            return "required" if wanted.get("mode") == "required" else "auto"
        if wanted.get("type") in ("function", "custom") and isinstance(wanted.get("name"), str):
            return {"type": "function", "function": {"name": self._named(wanted)}}
        return None

    def _named(self, tool: dict[str, Any]) -> str:
        namespace = tool.get("namespace")
        return self.flat(str(tool.get("name")), namespace if isinstance(namespace, str) else None)

    def _take(self, tool: dict[str, Any], namespace: str | None) -> None:
        kind, name = tool.get("type"), tool.get("name")
        if kind not in ("function", "custom") or not isinstance(name, str):
            self.dropped.append(str(kind)[:40])
            return
        flat = _joined(name, namespace)
        if flat in self._origins:
            flat = _shortened(flat, f"{namespace} {name}")
        self._flat[namespace, name] = flat
        self._origins[flat] = Origin(name, namespace, kind == "custom")
        self.functions.append({"type": "function", "function": {"name": flat} | _described(tool)})


def _one_by_one(tools: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Every tool with the namespace that it stands in."""
    for tool in tools:
        inner = tool.get("tools")
        if tool.get("type") == "namespace" and isinstance(inner, list):
            yield from ((each, str(tool.get("name"))) for each in inner if isinstance(each, dict))
        else:
            yield tool, None


def _joined(name: str, namespace: str | None) -> str:
    flat = f"{namespace}{BETWEEN}{name}" if namespace else name
    return flat if len(flat) <= LONGEST_NAME else _shortened(flat, flat)


def _shortened(flat: str, whole: str) -> str:
    mark = blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{flat[: LONGEST_NAME - len(mark) - 1]}_{mark}"


def _described(tool: dict[str, Any]) -> dict[str, Any]:
    """The function's fields beside its name."""
    description = tool.get("description")
    said = {"description": description} if isinstance(description, str) else {}
    if tool["type"] == "custom":
        return {"description": _with_grammar(said.get("description", ""), tool.get("format")), "parameters": FREE_TEXT}
    if isinstance(tool.get("parameters"), dict):
        said["parameters"] = tool["parameters"]
    return said | ({"strict": True} if tool.get("strict") is True else {})


def _with_grammar(description: str, form: Any) -> str:
    """A grammar cannot be enforced in a chat; the model can read it."""
    if not isinstance(form, dict) or form.get("type") != "grammar":
        return description
    inner = form.get("grammar")
    grammar = inner if isinstance(inner, dict) else form
    return f"{description}\n\nThe input follows this {grammar.get('syntax')} grammar:\n{grammar.get('definition')}"
