"""How do the input items of Responses become the messages of a chat? In their order, a turn's items joined to one."""

from itertools import takewhile
from typing import Any, Final

import msgspec

from providers.wire.responses_request import CAPABILITY, OUR_REASONING
from routing.errors import InvalidBody
from routing.surfaces.forms.responses_body import ResponsesBody
from routing.surfaces.forms.responses_tools import INPUT, ToolNames

TEXTS: Final = frozenset({"input_text", "output_text", "text"})
SYSTEM: Final = frozenset({"system", "developer"})  # `developer` is OpenAI's own word for it
ROLES: Final = SYSTEM | {"user", "assistant"}
CALLS: Final = frozenset({"function_call", "custom_tool_call"})
OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
FETCHED: Final = frozenset({"computer_call_output", "image_generation_call"})  # with pictures by address or by id
DETAILS: Final = frozenset({"auto", "low", "high"})
WITH_PICTURES: Final = "The output of the tool is in the next message."

Json = dict[str, Any]


class Conversation:
    """The messages of a chat, made from items. `marks` bind it to who answered before; `references` name an item
    or an answer that only its maker has, with the field that does so."""

    def __init__(self, names: ToolNames) -> None:
        self.messages: list[Json] = []
        self.lost: dict[str, None] = {}  # what a chat cannot carry; a set that keeps its order
        self.marks: list[str] = []
        self.references: list[tuple[str, str]] = []
        self.needs: set[str] = set()
        self.elsewhere = False  # a picture or film is nowhere in the messages, and who speaks Responses fetches it
        self._names = names
        self._pictures: list[Json] = []  # of tools' outputs, which a chat's tool messages cannot hold

    def read(self, body: ResponsesBody) -> None:
        """Take the whole input in; raises `InvalidBody`."""
        if body.instructions:
            self._say("system", body.instructions)
        if isinstance(body.input, str):
            self._say("user", body.input)
        for at, item in enumerate(body.input if isinstance(body.input, list) else ()):
            self._take(item, f"input[{at}]")
        self._show_pictures()
        self.marks += _open_calls(body.input)

    def _take(self, item: Json, where: str) -> None:
        kind = _word(item, "type") or ("message" if "role" in item else "")
        if kind not in OUTPUTS:
            self._show_pictures()
        if kind == "message":
            self._message(item, where)
        elif kind in CALLS:
            self._call(item, where)
        elif kind in OUTPUTS:
            self._output(item, where)
        elif kind == "reasoning":
            self._reasoning(item)
        elif kind == "item_reference":
            self.references.append((f"{where}.id", str(item.get("id"))))
        else:
            self.elsewhere = self.elsewhere or kind in FETCHED
            self.lost[f"input items of type {kind[:40]} dropped"] = None

    def _message(self, item: Json, where: str) -> None:
        role = _word(item, "role")
        if role not in ROLES:
            raise InvalidBody(f"{where}.role: must be one of {', '.join(sorted(ROLES))}", param=f"{where}.role")
        parts = self._parts(item.get("content"), f"{where}.content")
        if role in SYSTEM:
            self._say("system", "\n\n".join(part.get("text", "") for part in parts))
        elif role == "assistant":
            self._answer(parts)
        else:
            self.messages.append({"role": role, "content": _short(parts)})

    def _say(self, role: str, text: str) -> None:
        """Texts of the system at the beginning become one: many servers take no second one."""
        if role == "system" and self.messages and all(m["role"] == "system" for m in self.messages):
            self.messages[-1]["content"] += "\n\n" + text
        else:
            self.messages.append({"role": role, "content": text})

    def _answer(self, parts: list[Json]) -> None:
        text = "".join(part.get("text", "") for part in parts if part["type"] == "text")
        refusal = "".join(part.get("refusal", "") for part in parts)
        turn = self._turn()
        if turn is None or not turn.get("tool_calls"):
            turn = {"role": "assistant", "content": text}
            self.messages.append(turn)
        else:  # said between two calls of one turn, whose results must follow at once
            turn["content"] = f"{turn['content']}\n\n{text}" if turn.get("content") else text
        if refusal:
            turn["refusal"] = refusal

    def _call(self, item: Json, where: str) -> None:
        call_id, name = item.get("call_id"), item.get("name")
        if not (isinstance(call_id, str) and isinstance(name, str)):
            raise InvalidBody(f"{where}: a call needs call_id and name", param=where)
        turn = self._turn()
        if turn is None:
            turn = {"role": "assistant", "content": None}
            self.messages.append(turn)
        arguments = item.get("arguments")
        if item["type"] == "custom_tool_call":
            arguments = msgspec.json.encode({INPUT: item.get("input") or ""}).decode()
        function = {"name": self._names.flat(name, _word(item, "namespace") or None), "arguments": _text(arguments)}
        turn.setdefault("tool_calls", []).append({"id": call_id, "type": "function", "function": function})

    def _output(self, item: Json, where: str) -> None:
        call_id = item.get("call_id")
        if not isinstance(call_id, str):
            raise InvalidBody(f"{where}.call_id: must be a string", param=f"{where}.call_id")
        output = item.get("output")
        if isinstance(output, list):
            parts = self._parts(output, f"{where}.output")
            shown = [part for part in parts if part["type"] != "text"]
            texts = [part["text"] for part in parts if part["type"] == "text"]
            self._pictures += shown
            output = "\n".join(texts) if texts or not shown else WITH_PICTURES
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": _text(output)})

    def _show_pictures(self) -> None:
        if self._pictures:
            self.messages.append({"role": "user", "content": self._pictures})
            self._pictures = []

    def _reasoning(self, item: Json) -> None:
        """No chat takes reasoning back; what is signed or kept by its maker binds the conversation to it."""
        sealed, id = item.get("encrypted_content"), item.get("id")
        if isinstance(id, str) and not id.startswith(OUR_REASONING):
            self.marks.append(id)
        if isinstance(sealed, str) and sealed:
            self.marks.append(sealed)
        self.lost["reasoning items dropped"] = None

    def _turn(self) -> Json | None:
        """The assistant's message that is still being said."""
        last = self.messages[-1] if self.messages else None
        return last if last and last["role"] == "assistant" else None

    def _parts(self, content: Any, where: str) -> list[Json]:
        if isinstance(content, str):
            return [{"type": "text", "text": content}]
        if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
            raise InvalidBody(f"{where}: must be a string or a list of parts", param=where)
        found = (self._part(part, f"{where}[{at}]") for at, part in enumerate(content))
        return [part for part in found if part is not None]

    def _part(self, part: Json, where: str) -> Json | None:
        kind = _word(part, "type")
        if kind in TEXTS and isinstance(part.get("text"), str):
            return {"type": "text", "text": part["text"]}
        if kind == "refusal" and isinstance(part.get("refusal"), str):
            return {"type": "refusal", "refusal": part["refusal"]}
        if kind == "input_image":
            return self._image(part, where)
        if kind == "input_file":
            return self._file(part, where)
        if kind == "input_audio" and isinstance(part.get("input_audio"), dict):
            return {"type": "input_audio", "input_audio": part["input_audio"]}
        if kind in TEXTS or kind == "refusal":
            raise InvalidBody(f"{where}: its text must be a string", param=where)
        self.elsewhere = True
        self.lost[f"parts of type {kind[:40]} dropped"] = None
        return None

    def _image(self, part: Json, where: str) -> Json:
        url = part.get("image_url")
        if isinstance(url, str) and url:
            detail = {"detail": part["detail"]} if _word(part, "detail") in DETAILS else {}
            return {"type": "image_url", "image_url": {"url": url} | detail}
        self._kept(part, where)
        return {"type": "image_url", "image_url": {"url": ""}}

    def _file(self, part: Json, where: str) -> Json:
        names = ("filename", "file_data", "file_id")
        file = {name: part[name] for name in names if isinstance(part.get(name), str)}
        if "file_data" not in file:
            self._kept(part, where)
        return {"type": "file", "file": file}

    def _kept(self, part: Json, where: str) -> None:
        """A file that the upstream keeps or fetches: only one that speaks Responses can."""
        if not (isinstance(part.get("file_id"), str) or isinstance(part.get("file_url"), str)):
            raise InvalidBody(f"{where}: has neither data nor the id of a file", param=where)
        self.needs.add(CAPABILITY)


def _open_calls(items: str | list[Json] | None) -> list[str]:
    """The calls that the end of the input answers, in its order: a loop that its model has to finish."""
    results = takewhile(lambda item: _word(item, "type") in OUTPUTS, reversed(items if isinstance(items, list) else ()))
    return [item["call_id"] for item in results][::-1]


def _short(parts: list[Json]) -> str | list[Json]:
    """One text is said as a string: every server takes that."""
    if not parts:
        return ""
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0]["type"] == "text" else parts


def _word(fields: Json, name: str) -> str:
    """A field that holds a name; empty where it holds anything else."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _text(value: Any) -> str:
    """Arguments and outputs are strings; clients send objects as well."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode() if value is not None else ""
