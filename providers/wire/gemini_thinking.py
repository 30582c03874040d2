"""How does Gemini hear of `reasoning_effort`? Gemini 2.5 by a budget of tokens, what came later by a level.

https://ai.google.dev/gemini-api/docs/thinking; which effort is which budget: https://ai.google.dev/gemini-api/docs/openai
"""

import re
from typing import Any, Final

from providers.targets import Target

BUDGETED: Final = re.compile(r"gemini-2")
UNSTOPPABLE: Final = re.compile(r"gemini-2\.5-pro|gemini-([3-9]|pro)")  # these always think
TWO_LEVELS: Final = re.compile(r"gemini-3-pro")  # low and high only
SIGNING: Final = re.compile(r"gemini-([3-9]|\d\d|(pro|flash|flash-lite)-latest)")
NO_MINIMUM: Final = re.compile(r"gemini-[\d.]+-pro|gemini-pro")  # Flash alone has the level MINIMAL
BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
LEVELS: Final = {
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
FEWEST: Final = 128  # tokens of a budget that Gemini 2.5 Pro accepts


def signs(model: str) -> bool:
    """Whether the model demands a signature with the tool calls of the conversation."""
    return bool(SIGNING.search(model))


def thinking_config(effort: str | None, target: Target, warnings: list[str]) -> dict[str, Any]:
    """`thinkingConfig` for an effort, empty where nothing is to be said; notes in `warnings` what cannot be had."""
    if effort is None:
        return {}
    if "reasoning" not in target.capabilities or effort not in LEVELS.keys() | {"none"}:
        if effort != "none":
            warnings.append("reasoning_effort dropped")
        return {}
    if effort == "none":
        return _least(target.upstream_model, warnings)
    if BUDGETED.search(target.upstream_model):
        return {"thinkingBudget": BUDGETS[effort], "includeThoughts": True}
    return {"thinkingLevel": _level(effort, target.upstream_model), "includeThoughts": True}


def _least(model: str, warnings: list[str]) -> dict[str, Any]:
    """No thinking, or the least of it where a model cannot do without."""
    always = bool(UNSTOPPABLE.search(model))
    if always:
        warnings.append("reasoning_effort none: this model always thinks, now as little as it can")
    if BUDGETED.search(model):
        return {"thinkingBudget": FEWEST if always else 0}
    return {"thinkingLevel": _level("minimal", model)}


def _level(effort: str, model: str) -> str:
    if effort == "minimal" and NO_MINIMUM.search(model):
        return "LOW"
    if effort == "medium" and TWO_LEVELS.search(model):
        return "HIGH"
    return LEVELS[effort]
