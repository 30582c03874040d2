"""How Gemini reads the contents of a request as turns, and what it refuses in them."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import msgspec

from providers.sandbox.gemini.fields import data, listed, names, read
from providers.sandbox.gemini.signatures import Signatures
from providers.sandbox.prompts import Image, ToolUse, Turn
from providers.sandbox.replies import invalid

CONTENT: Final = names("role parts")
DATA: Final = names("text inlineData fileData functionCall functionResponse executableCode codeExecutionResult")
PART: Final = DATA | names("thought thoughtSignature videoMetadata mediaResolution partMetadata")
CALL: Final = names("id name args partialArgs willContinue")
RESULT: Final = names("id name response parts willContinue scheduling")
INLINE: Final = names("mimeType data displayName")
FILE: Final = names("mimeType fileUri displayName")
ROLES: Final = names("user model function")
PLAIN_RESULTS: Final = names("output result")  # under which clients put a result that is no object
Part = dict[str, Any]


class Content(msgspec.Struct, frozen=True):
    """One content: its role and its parts, of which each holds one kind of data."""

    role: str
    parts: list[Part]

    def uses(self) -> list[tuple[ToolUse, Any]]:
        """Its calls, each with its signature."""
        return [
            (_use(part["functionCall"]), part.get("thoughtSignature")) for part in self.parts if "functionCall" in part
        ]

    def spoken(self) -> bool:
        """Whether the user says something in it: results alone go on with a turn."""
        return self.role == "user" and any("functionResponse" not in part for part in self.parts)

    def results(self) -> list[Part]:
        return [part["functionResponse"] for part in self.parts if "functionResponse" in part]


def read_contents(value: Any, where: str) -> list[Content]:
    """The contents, neighbours of one role put together; raises `Trouble` in the server's manner."""
    found = [read_content(content, f"{where}[{at}]") for at, content in enumerate(listed(value, where))]
    if not found:
        raise invalid(f"* GenerateContentRequest.{where}: contents is not specified")
    return [
        Content(role, [part for content in group for part in content.parts])
        for role, group in groupby(found, key=lambda content: content.role)
    ]


def read_content(value: Any, where: str) -> Content:
    fields = read(value, CONTENT, where)
    role = fields.get("role", "user")
    if role not in ROLES:
        raise invalid("Please use a valid role: user, model.")
    parts = [_part(part, f"{where}.parts[{at}]") for at, part in enumerate(listed(fields.get("parts"), where))]
    if not parts:
        raise invalid(f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.")
    return Content("model" if role == "model" else "user", parts)


def turns(contents: list[Content]) -> tuple[Turn, ...]:
    """The turns; raises `Trouble` where calls and results do not follow each other as they must."""
    _refuse_torn(contents)
    return tuple(turn for content in contents for turn in _turns_of(content))


def check_signatures(contents: list[Content], model: str, signatures: Signatures) -> None:
    """Raise `Trouble` for a signature that is wrong, or missing in the current turn (all since the user last spoke)."""
    spoke = max((at for at, content in enumerate(contents) if content.spoken()), default=-1)
    for at, content in enumerate(contents):
        for place, (use, signature) in enumerate(content.uses()):
            signatures.check_use(model, use, signature, current=at > spoke, leads=place == 0)
        for part in content.parts:
            if "text" in part:
                signatures.check_text(model, part.get("thoughtSignature"))


def text_of(content: Content) -> str:
    return "".join(part.get("text", "") for part in content.parts if not part.get("thought"))


def _part(value: Any, where: str) -> Part:
    fields = read(value, PART, where)
    if len(DATA & fields.keys()) != 1:
        raise invalid(
            f"* GenerateContentRequest.{where}.data: required oneof field 'data' must have one initialized field"
        )
    inner = {"functionCall": CALL, "functionResponse": RESULT, "inlineData": INLINE, "fileData": FILE}
    for name, known in inner.items():
        if name in fields:
            fields[name] = read(fields[name], known, f"{where}.{name}")
    for name in ("functionCall", "functionResponse"):
        if name in fields and not fields[name].get("name"):
            raise invalid(f"* GenerateContentRequest.{where}.{name}.name: Name cannot be empty.")
    return fields


def _use(call: Part) -> ToolUse:
    arguments = call.get("args", {})
    if not isinstance(arguments, dict):
        raise invalid(
            "Invalid value at 'function_call.args': an object is needed (type.googleapis.com/google.protobuf.Struct)."
        )
    return ToolUse(call["name"], arguments, call.get("id") or call["name"])


def _turns_of(content: Content) -> Iterator[Turn]:
    for result in content.results():
        yield Turn("tool", _result_text(result.get("response")), answers_to=result.get("id") or result["name"])
    text, images = text_of(content), tuple(_images(content))
    if content.role == "model":
        yield Turn("assistant", text, images, tuple(use for use, _ in content.uses()))
    elif text or images or not content.results():
        yield Turn("user", text, images)


def _images(content: Content) -> Iterator[Image]:
    for part in content.parts:
        if "fileData" in part:
            yield Image(part["fileData"].get("mimeType") or "image/*", None)
        elif "inlineData" in part:
            yield _image(part["inlineData"])


def _image(blob: Part) -> Image:
    if not blob.get("mimeType"):
        raise invalid("Unsupported MIME type: ")
    return Image(blob["mimeType"], len(data(blob.get("data") or "", "inline_data.data")))


def _result_text(response: Any) -> str:
    if not isinstance(response, dict):
        raise invalid("Invalid value at 'function_response.response': an object is needed (google.protobuf.Struct).")
    (only,) = response.values() if len(response) == 1 else (None,)
    if isinstance(only, str) and response.keys() <= PLAIN_RESULTS:
        return only
    return msgspec.json.encode(response).decode()


def _refuse_torn(contents: list[Content]) -> None:
    """Each content with calls comes after the user's or results, and is followed by one with as many results."""
    before: Content | None = None
    for content in contents:
        if content.uses() and (before is None or before.role == "model"):
            raise invalid("Please ensure that function call turn comes immediately after a user turn or after results.")
        asked = [] if before is None else before.uses()
        if content.results() and not asked:
            raise invalid("Please ensure that function response turn comes immediately after a function call turn.")
        if len(content.results()) != len(asked):
            raise invalid("Please ensure that there are as many function response parts as function call parts.")
        _refuse_strangers(content, [use for use, _ in asked])
        before = content
    if before is not None and before.uses():
        raise invalid("Please ensure that a function call turn is followed by its function response parts.")


def _refuse_strangers(content: Content, asked: list[ToolUse]) -> None:
    """A result names the function that was called; its id, where it has one, is a call's."""
    for result in content.results():
        known = {use.id if result.get("id") else use.name for use in asked}
        if (result.get("id") or result["name"]) not in known:
            raise invalid(f"Function response {result['name']!r} answers no function call of the turn before it.")
