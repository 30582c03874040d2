"""Which parameters of a chat may a wire be unable to carry, and which of them does a request use?

Every adapter names those that its wire cannot carry (`Adapter.unsupported`). Its request code and the planner read that
one set: who cannot carry what a request needs is not asked, or the parameter is dropped with a note.
"""

from operator import attrgetter
from typing import Any, Final

from msgspec import Struct

from providers.chat import ChatBody

DEFAULT: Final = "default"
EXCLUDE: Final = "exclude"
DROP: Final = "drop"
WAYS: Final = {
    DEFAULT: "By parameter: what shapes the answer rules it out, what tunes it is dropped",
    EXCLUDE: "Never ask it for what it cannot carry",
    DROP: "Drop what it cannot carry, with a note to the caller",
}
NONE: Final[frozenset[str]] = frozenset()


class Parameter(Struct, frozen=True):
    """`field` is what an error names. What `shapes` the answer is not dropped unless the operator says so; what stands
    in the messages (not `droppable`) never is."""

    field: str
    shapes: bool = False
    droppable: bool = True


PARAMETERS: Final = {
    "n": Parameter("n", shapes=True),
    "logprobs": Parameter("logprobs", shapes=True),
    "tool_choice": Parameter("tool_choice", shapes=True),  # a forced call: "required", or of a named tool
    "custom_tools": Parameter("tools", shapes=True),  # tools that are no functions
    "functions": Parameter("functions", shapes=True),  # tools in OpenAI's first form
    "json_schema": Parameter("response_format", shapes=True),
    "audio_output": Parameter("modalities", shapes=True),
    "audio": Parameter("messages", shapes=True, droppable=False),
    "file": Parameter("messages", shapes=True, droppable=False),
    "parallel_tool_calls": Parameter("parallel_tool_calls"),  # false: one call at a time
    "seed": Parameter("seed"),
    "presence_penalty": Parameter("presence_penalty"),
    "frequency_penalty": Parameter("frequency_penalty"),
    "logit_bias": Parameter("logit_bias"),
}
# Of requests for vectors: tokens are another tokenizer's, and cannot be made text again.
OF_INPUTS: Final = {"token_input": Parameter("input", shapes=True, droppable=False)}
ALL: Final = PARAMETERS | OF_INPUTS
PLAIN: Final = ("seed", "presence_penalty", "frequency_penalty", "logit_bias", "parallel_tool_calls")
OTHERS: Final = ("n", "logprobs", "top_logprobs", "tool_choice", "tools", "functions", "response_format", "modalities")
_looked_at: Final = attrgetter(*PLAIN, *OTHERS)
_ABSENT: Final = (None,) * (len(PLAIN) + len(OTHERS))


def used(body: ChatBody) -> frozenset[str]:
    """The names of the parameters that a body uses, but for those in its messages ("audio", "file")."""
    if _looked_at(body) == _ABSENT:
        return NONE
    found = {name for name in PLAIN if _says_something(name, getattr(body, name))}
    found |= {"n"} if (body.n or 1) > 1 else NONE
    found |= {"logprobs"} if body.logprobs or body.top_logprobs else NONE
    found |= _of_tools(body)
    found |= {"json_schema"} if (body.response_format or {}).get("type") == "json_schema" else NONE
    found |= {"audio_output"} if isinstance(body.modalities, list) and "audio" in body.modalities else NONE
    return frozenset(found)


def rules_out(name: str, way: str) -> bool:
    """Whether a request that uses `name` may not go where the wire lacks it; `way` is the deployment's own."""
    parameter = ALL[name]
    if not parameter.droppable or way == EXCLUDE:
        return True
    return parameter.shapes and way != DROP


def _says_something(name: str, value: Any) -> bool:
    if name == "seed":
        return value is not None
    return value is False if name == "parallel_tool_calls" else bool(value)


def _of_tools(body: ChatBody) -> frozenset[str]:
    forced = body.tool_choice not in (None, "auto", "none")
    older = {"functions"} if body.functions else set()
    custom = any(tool.type != "function" for tool in body.tools or ())
    return frozenset(({"tool_choice"} if forced else set()) | ({"custom_tools"} if custom else set()) | older)
