"""How OpenAI's server reads the items of a Responses request as turns, and what it refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from providers.sandbox.openai_parts import image_at
from providers.sandbox.prompts import Image, Role, ToolUse, Turn
from providers.sandbox.replies import invalid
from providers.sandbox.responses.kept import Item, Kept

ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
SAID_PARTS: Final = ("output_text", "refusal")
ASKED_PARTS: Final = ("input_text", "input_image", "input_file")
_ASIDE: Final = (
    "item_reference reasoning web_search_call file_search_call computer_call computer_call_output tool_search_call "
    "tool_search_output additional_tools compaction image_generation_call code_interpreter_call local_shell_call "
    "local_shell_call_output shell_call shell_call_output apply_patch_call apply_patch_call_output mcp_list_tools "
    "mcp_approval_request mcp_approval_response mcp_call program program_output compaction_trigger"
)
ASIDE: Final = frozenset(_ASIDE.split())  # items that say nothing to the models that are played here
CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
RESULTS: Final = ("function_call_output", "custom_tool_call_output")


def items_of(asked: Any, kept: Kept) -> list[Item]:
    """The input as items, with references resolved; raises `Trouble`."""
    if isinstance(asked, str):
        return [{"type": "message", "role": "user", "content": asked}]
    if not isinstance(asked, list) or not all(isinstance(item, dict) for item in asked):
        raise invalid("Invalid type for 'input': expected a string or an array of objects.", "input", "invalid_type")
    return [kept.item(item["id"]) if item.get("type") == "item_reference" else item for item in asked]


def check_reasoning(items: Sequence[Item], model: str, kept: Kept) -> None:
    """Raise `Trouble` for reasoning of somebody else's, and for some that no answer follows."""
    for item, following in pairwise([*items, {"type": "end"}]):
        if item.get("type") != "reasoning":
            continue
        if item.get("encrypted_content"):
            kept.check(model, item["encrypted_content"])
        elif item.get("id"):
            kept.item(item["id"])
        if following.get("type") == "end" or following.get("role") == "user":
            message = f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item."
            raise invalid(message, "input")


def turns_of(items: Sequence[Item]) -> tuple[Turn, ...]:
    """The turns; calls that follow each other are one turn with what was said before them."""
    turns: list[Turn] = []
    for at, item in enumerate(items):
        kind = item.get("type") or "message"
        if kind in CALLS:
            _call(turns, ToolUse(item["name"], item.get(CALLS[kind]) or "", item["call_id"]))
        elif kind in RESULTS:
            output = item.get("output") or ""
            text, images = (output, ()) if isinstance(output, str) else _parts(output, ASKED_PARTS, f"input[{at}]")
            turns.append(Turn("tool", text, images, answers_to=item["call_id"]))
        elif kind == "message":
            turns.append(_message(item, f"input[{at}]"))
        elif kind not in ASIDE:
            raise _unknown(kind, ["message", *CALLS, *RESULTS, *sorted(ASIDE)], f"input[{at}].type")
    _check_calls(turns)
    return tuple(turns)


def _call(turns: list[Turn], use: ToolUse) -> None:
    if turns and turns[-1].role == "assistant":
        turns[-1] = replace(turns[-1], tool_uses=(*turns[-1].tool_uses, use))
    else:
        turns.append(Turn("assistant", tool_uses=(use,)))


def _message(item: Item, where: str) -> Turn:
    role = item.get("role") or ""
    if role not in ROLES:
        raise _unknown(role, sorted(ROLES), f"{where}.role")
    content = item.get("content") or ""
    if isinstance(content, str):
        return Turn(ROLES[role], content)
    return Turn(ROLES[role], *_parts(content, SAID_PARTS if role == "assistant" else ASKED_PARTS, where))


def _parts(parts: list[dict[str, Any]], allowed: tuple[str, ...], where: str) -> tuple[str, tuple[Image, ...]]:
    """The text and the images of content parts; raises `Trouble` for a part that has no place there."""
    for at, part in enumerate(parts):
        if part.get("type") not in allowed:
            raise _unknown(part.get("type") or "", list(allowed), f"{where}.content[{at}].type")
    text = "".join(part.get("text") or part.get("refusal") or "" for part in parts)
    seen = (part for part in parts if part["type"] == "input_image")
    return text, tuple(image_at(part.get("image_url") or "", f"{where}.content") for part in seen)


def _check_calls(turns: Sequence[Turn]) -> None:
    asked = {use.id: at for at, turn in enumerate(turns) for use in turn.tool_uses}
    answered = {turn.answers_to: at for at, turn in enumerate(turns) if turn.role == "tool"}
    for call_id, at in answered.items():
        if asked.get(call_id, at) >= at:
            raise invalid(f"No tool call found for function call output with call_id {call_id}.", "input")
    for call_id in asked:
        if call_id not in answered:
            raise invalid(f"No tool output found for function call {call_id}.", "input")


def _unknown(value: str, known: Sequence[str], param: str) -> Exception:
    names = ", ".join(f"'{name}'" for name in known)
    return invalid(f"Invalid value: '{value}'. Supported values are: {names}.", param, "invalid_value")
