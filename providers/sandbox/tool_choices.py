"""Which tools a model of the sandbox calls, and with what."""

import re
from typing import Final
from zlib import crc32

from providers.sandbox.facts import Facts
from providers.sandbox.prompts import Prompt, ToolSpec, ToolUse
from providers.sandbox.schemas import instance

WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_HOLLOW: Final = (
    "a about an and any by call current do fetch for from function get give given in is it json make me of on or out "
    "return returns run set that the this to tool use user using what with"
)
HOLLOW: Final = frozenset(_HOLLOW.split())
ALIKE: Final = 2  # words that description and question must share
SEVERAL: Final = re.compile(r"\b(?:in parallel|both|each|at once)\b", re.IGNORECASE)


def tool_uses(prompt: Prompt, at: int) -> tuple[ToolUse, ...]:
    """The calls that answer number `at` makes; empty where the prompt forbids them, or nothing fits."""
    if not prompt.tools or prompt.tool_choice == "none":
        return ()
    if prompt.tool_choice == "auto" and prompt.turns[-1].role == "tool":
        return ()
    chosen = _chosen(prompt)
    if not prompt.parallel:
        return _uses(prompt, chosen[:1], at)
    if len(chosen) == 1 and _wants_several(prompt.question):
        chosen *= max(Facts(prompt.question).several("name"), 1)
    return _uses(prompt, chosen, at)


def _chosen(prompt: Prompt) -> list[ToolSpec]:
    if prompt.tool_choice not in ("auto", "required"):
        return [tool for tool in prompt.tools if tool.name == prompt.tool_choice]
    fitting = [tool for tool in prompt.tools if _fits(tool, prompt.question)]
    if not fitting and prompt.tool_choice == "required":
        return [prompt.tools[0]]
    return fitting


def _fits(tool: ToolSpec, question: str) -> bool:
    asked = _words(question)
    return bool(_words(tool.name) & asked) or len(_words(tool.description) & asked) >= ALIKE


def _words(text: str) -> set[str]:
    return {word.lower().rstrip("s") for word in WORD.findall(text) if len(word) > 2} - HOLLOW


def _wants_several(question: str) -> bool:
    return bool(SEVERAL.search(question)) or " and " in question


def _uses(prompt: Prompt, tools: list[ToolSpec], at: int) -> tuple[ToolUse, ...]:
    uses = []
    for place, tool in enumerate(tools):
        facts = Facts(prompt.question, turn=tools[:place].count(tool))
        arguments = instance(tool.schema, facts, optional=False) if tool.schema.get("properties") else {}
        number = crc32(f"{prompt.seed} {at} {place} {len(prompt.turns)} {prompt.question}".encode())
        uses.append(ToolUse(tool.name, arguments, f"call_sandbox{number:08x}{place}"))
    return tuple(uses)
