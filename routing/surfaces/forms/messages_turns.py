"""How do the turns of Messages become the messages of a chat? Results of tools first, each a message of its own."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from providers.chat import FunctionCall, ImageUrl, Message, Part, ToolCall
from routing.errors import InvalidBody
from routing.surfaces.forms.messages_body import Block, MessagesBody, Source, Turn, decode_content, decode_source

RESULT: Final = "tool_result"
FAILED: Final = "The tool failed:"
WITH_PICTURES: Final = "The output of the tool is in the next message."
THOUGHTS: Final = frozenset({"thinking", "redacted_thinking"})


class Conversation:
    """The messages of a chat, made from turns. `lost` names what a chat cannot carry, `marks` bind it to who served it.

    Raises `msgspec.ValidationError` where a block is not what its type says.
    """

    def __init__(self, body: MessagesBody) -> None:
        self.lost: dict[str, None] = {}  # a set that keeps its order
        self.elsewhere = False  # a document is nowhere in the body, and who speaks Messages fetches it
        self.messages = list(self._system(body.system))
        self.marks: list[str] = []
        for turn in body.messages:
            self.messages += self._messages(turn)
        self.marks += _open_results(body.messages)

    def _system(self, system: str | list[Block] | None) -> Iterator[Message]:
        content = _content(self._parts(system))
        if content:
            yield Message("system", content)

    def _messages(self, turn: Turn) -> Iterator[Message]:
        if isinstance(turn.content, str):
            yield Message(turn.role, turn.content)
        elif turn.role == "assistant":
            yield from self._said(turn.content)
        else:
            yield from self._asked(turn.role, turn.content)

    def _asked(self, role: str, blocks: list[Block]) -> Iterator[Message]:
        """A user's turn; a chat's tool messages hold text only, so that pictures move behind them."""
        pictures: list[Part] = []
        for block in blocks:
            if block.type == RESULT:
                yield self._result(block, pictures)
        parts = pictures + self._parts(block for block in blocks if block.type != RESULT)
        if parts:
            yield Message(role, _content(parts))

    def _result(self, block: Block, pictures: list[Part]) -> Message:
        parts = self._parts(decode_content(block.content))
        texts = [part for part in parts if part.type == "text"]
        others = [part for part in parts if part.type != "text"]
        pictures += others
        if others and not texts:
            texts = [Part("text", text=WITH_PICTURES)]
        if block.is_error:
            texts.insert(0, Part("text", text=FAILED))
        return Message("tool", _content(texts), tool_call_id=block.tool_use_id)

    def _said(self, blocks: list[Block]) -> Iterator[Message]:
        """A model's turn; its texts are one, as they were one answer."""
        texts, calls = [], []
        for block in blocks:
            if block.type == "text":
                texts.append(block.text or "")
            elif block.type == "tool_use":
                arguments = bytes(block.input).decode()
                calls.append(ToolCall(id=block.id, type="function", function=FunctionCall(block.name, arguments)))
            else:
                self._leave_out(block)
        if any(texts) or calls:
            yield Message("assistant", "".join(texts) or None, tool_calls=calls or None)

    def _leave_out(self, block: Block) -> None:
        signed = block.signature or block.data
        if block.type in THOUGHTS and isinstance(signed, str):
            self.marks.append(signed)
        self.lost[f"{block.type} dropped"] = None

    def _parts(self, content: str | Iterable[Block] | None) -> list[Part]:
        if isinstance(content, str):
            return [Part("text", text=content)] if content else []
        return [part for block in content or () for part in self._part(block)]

    def _part(self, block: Block) -> Iterable[Part]:
        match block.type:
            case "text":
                return [Part("text", text=block.text)] if block.text else []
            case "image":
                return self._picture(_source(block))
            case "document":
                return self._document(_source(block), block.title)
            case "search_result":
                return self._parts(decode_content(block.content))
        self._leave_out(block)
        return []

    def _picture(self, source: Source) -> list[Part]:
        if source.type == "file":
            return [Part("file", file={"file_id": source.file_id})]
        url = f"data:{source.media_type};base64,{source.data}" if source.type == "base64" else source.url
        return [Part("image_url", image_url=ImageUrl(url))]

    def _document(self, source: Source, title: Any) -> list[Part]:
        match source.type:
            case "text":
                return self._parts(source.data)
            case "content":
                return self._parts(decode_content(source.content))
            case "file":
                return [Part("file", file={"file_id": source.file_id})]
            case "base64":
                name = title if isinstance(title, str) and title else "document.pdf"
                data = f"data:{source.media_type};base64,{source.data}"
                return [Part("file", file={"filename": name, "file_data": data})]
        self.lost[f"document by {source.type} dropped"] = None
        self.elsewhere = True
        return []


def _content(parts: list[Part]) -> str | list[Part]:
    """Plain where it is one text: there are servers that know nothing else."""
    if len(parts) == 1 and parts[0].type == "text":
        return parts[0].text or ""
    return parts or ""


def _open_results(turns: list[Turn]) -> list[str]:
    """The ids of the tool calls that the end of the conversation answers: a loop that its model has to finish."""
    last = turns[-1].content if turns else ""
    return [block.tool_use_id for block in last if block.type == RESULT] if isinstance(last, list) else []


def arguments_of(text: str) -> msgspec.Raw:
    """A tool call's arguments as the object that Messages wants, byte for byte where they are one."""
    try:
        msgspec.json.decode(text or "{}", type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return msgspec.Raw(msgspec.json.encode({"invalid_json": text}))
    return msgspec.Raw((text or "{}").encode())


def _source(block: Block) -> Source:
    try:
        return decode_source(block.source)
    except msgspec.ValidationError as exc:
        raise InvalidBody(f"messages: the source of a block of type {block.type}: {exc}", param="messages") from exc
