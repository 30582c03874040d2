"""How is an adapter asked over real sockets, so that whole answers and streams are judged by the same eyes?"""

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

from providers.attempts import Marks, complete, stream
from providers.chat import Chunk, TokenUsage
from providers.sandbox.testing import Received, Sandbox
from providers.targets import Target
from tests.adapters.contract import ANSWER, CHUNK, check
from tests.adapters.examples import SECRET, answered, chat, finish, payloads, reasoning, target, text, tool_calls

Form = Literal["whole", "stream"]
FORMS: tuple[Form, ...] = ("whole", "stream")
SKILLS = frozenset({"tools", "vision", "json_schema", "json_mode", "reasoning"})


@dataclass
class Said:
    """What an answer says, however it came."""

    text: str
    calls: list[tuple[str, str, str]]  # id, name, arguments
    finish: str | None
    usage: TokenUsage | None
    models: set[str]
    warnings: list[str]
    reasoning: str = ""
    choices: int = 1
    logprobs: bool = False


@dataclass
class Asker:
    """One adapter, in front of the sandbox of its wire, asked for whole answers or for streams."""

    sandbox: Sandbox
    form: Form
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def target(self) -> Target:
        # fmt: off
        return target(self.sandbox.wire, base_url=self.sandbox.base_url, upstream_model="sandbox-large",
                      context=32768, capabilities=SKILLS)
        # fmt: on

    async def __call__(self, **fields: Any) -> Said:
        """Ask; every payload is held against OpenAI's schema on the way. `chunks` keeps what came before an error."""
        return await (self._whole(fields) if self.form == "whole" else self._stream(fields))

    def sent(self) -> Received:
        """The chat that the upstream received last."""
        return self.sandbox.calls(chats=True)[-1]

    async def _whole(self, fields: dict[str, Any]) -> Said:
        marks = Marks()
        answer = await complete(chat(**fields), self.target, SECRET, marks)
        payload = answered(answer)
        check(payload, ANSWER)
        choice = payload["choices"][0]
        message = choice["message"]
        calls = [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls") or ()]
        return Said(
            message["content"] or "",
            calls,
            choice["finish_reason"],
            answer.usage,
            {payload["model"]},
            marks.warnings,
            message.get("reasoning_content") or "",
            len(payload["choices"]),
            bool(choice.get("logprobs")),
        )

    async def _stream(self, fields: dict[str, Any]) -> Said:
        marks, self.chunks = Marks(), []
        async with aclosing(stream(chat(stream=True, **fields), self.target, SECRET, marks)) as batches:
            async for batch in batches:
                self.chunks += batch
        found = payloads(self.chunks)
        for payload in found:
            check(payload, CHUNK)
        choices = [choice for payload in found for choice in payload["choices"]]
        usages = [chunk.event.usage.tokens() for chunk in self.chunks if chunk.event.usage]
        several = len({choice["index"] for choice in choices})
        return Said(
            text(self.chunks) if several == 1 else "",
            tool_calls(self.chunks),
            finish(self.chunks),
            usages[-1] if usages else None,
            {payload["model"] for payload in found},
            marks.warnings,
            reasoning(self.chunks),
            several,
            any(choice.get("logprobs") for choice in choices),
        )
