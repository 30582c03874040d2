"""How does Claude hear of `reasoning_effort`? Newer models by adaptive thinking and an effort, older by a budget.

https://docs.claude.com/en/docs/build-with-claude/extended-thinking
"""

import re
from typing import Any, Final

from providers.targets import Target

# The models that think by a budget of tokens; the list is closed, as later ones think adaptively.
BUDGETED: Final = re.compile(r"claude-(3-7-sonnet|(opus|sonnet|haiku)-4(-[015])?)(@|-latest|-\d{8}|$)")
BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768}
EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
FEWEST: Final = 1024  # tokens of a budget that Anthropic accepts


def thinking(fields: dict[str, Any], effort: str | None, target: Target, warnings: list[str]) -> dict[str, Any]:
    """The same request with the effort said Anthropic's way; notes in `warnings` where it cannot be."""
    if effort is None or effort == "none" or "thinking" in fields:
        return fields
    if effort not in EFFORTS or "reasoning" not in target.capabilities:
        warnings.append("reasoning_effort dropped")
        return fields
    if not BUDGETED.search(target.upstream_model):
        told = fields | {"output_config": fields.get("output_config", {}) | {"effort": EFFORTS[effort]}}
        return told if _is_forced(fields) else _alone(told, warnings) | {"thinking": {"type": "adaptive"}}
    budget = min(BUDGETS[effort], fields["max_tokens"] - 1)
    if budget < FEWEST or _is_forced(fields) or _is_in_tool_loop(fields):
        warnings.append("reasoning_effort dropped: this model cannot think in such a request")
        return fields
    return _alone(fields, warnings) | {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _alone(fields: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    """Without the sampling parameters that do not go with thinking."""
    clashing = fields.keys() & {"temperature", "top_p", "top_k"}
    warnings += [f"{name} dropped: the model thinks" for name in sorted(clashing)]
    return {name: value for name, value in fields.items() if name not in clashing}


def _is_forced(fields: dict[str, Any]) -> bool:
    """Whether a tool call is demanded: no model thinks before such a one."""
    return fields.get("tool_choice", {}).get("type") in ("any", "tool")


def _is_in_tool_loop(fields: dict[str, Any]) -> bool:
    """Whether tool results are being returned: the thinking before them would have to come along, and it is gone."""
    return any(block["type"] == "tool_result" for block in fields["messages"][-1]["content"])
