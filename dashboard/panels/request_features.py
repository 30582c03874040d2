"""What was found in the request, and what did each fact change?"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from dashboard.decisions import Decision, decision_of, features_of, pretty
from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from usage.outcomes import Outcome

RULES: Final[Mapping[str, str]] = {  # the hard rule that reads a fact
    "needs": "capability",
    "parameters": "parameter",
    "prompt_tokens": "context",
}
ALWAYS: Final[Mapping[str, str]] = {  # what a fact is used for in every decision
    "prompt_tokens": "the expected cost of each candidate",
    "output_tokens": "the expected cost and duration of each candidate",
    "category": "which of the catalogue's figures of quality counts",
    "longest_input": "the context that is needed",
    "images": "the capability, the tokens and the price that are needed",
    "modality": "the capabilities that are needed",
}
NOTHING: Final = "nothing: no rule or scorer reads it"


class Feature(Struct, frozen=True):
    name: str
    value: str
    changed: str


class Features(Struct, frozen=True):
    features: tuple[Feature, ...]
    warnings: tuple[str, ...]


class RequestFeatures(RequestPanel):
    """The facts about the request that routing read, and those that the caller wished, each with its effect."""

    name = "request_features"
    title = "What was asked?"
    unit = "and what each fact changed"
    order = 50
    formula = (
        "What routing read from the request before it chose: found by rules in microseconds, without another "
        "model. Tokens are estimated here and replaced by the provider's count in the money."
    )

    def about(self, record: Outcome, scope: Scope) -> Features:
        decision = decision_of(record)
        found = {name: value for name, value in features_of(record).items() if value or name == "complexity"}
        rows = [Feature(_words(name), _text(value), _changed(name, decision)) for name, value in found.items()]
        rows += [_wish(name, value, decision) for name, value in (decision.wishes if decision else {}).items()]
        if record.session:
            bound = "which requests are listed together; no candidate"
            rows.append(Feature("session", record.session, bound))
        if record.tags:
            rows.append(Feature("tags", ", ".join(record.tags), "which budgets count it"))
        return Features(tuple(rows), tuple(record.warnings))


def _changed(name: str, decision: Decision | None) -> str:
    """What a feature did to this decision."""
    if decision is None:
        return "nothing: no decision was reached"
    if name == "client_task":
        return _sent(decision)
    said = [ALWAYS[name]] if name in ALWAYS else []
    if rule := RULES.get(name):
        said.append(_ruled_out(decision, lambda one: one == rule, rule))
    return "; ".join(said) or NOTHING


def _sent(decision: Decision) -> str:
    """Where a policy sent a front end's chore."""
    if decision.instead_of:
        return f"the policy: {decision.policy} in place of {decision.instead_of}"
    out = [each.policy for each in decision.policies_outside if each.led_to_by.startswith("client task")]
    return f"nothing: {out[0]} is outside the key's scope, {decision.policy} stays" if out else NOTHING


def _wish(name: str, value: object, decision: Decision | None) -> Feature:
    """What the caller asked of routing itself; its rules are called after it."""
    if name in ("policy", "preferences"):
        changed = "the policy" if name == "policy" else "the weights of the scorers, unless a warning says otherwise"
    elif name == "models":
        changed = "who comes after the model asked for"
    else:
        prefix = "provider." if name == "provider" else f"neuroroute.{name}"
        changed = _ruled_out(decision, lambda rule: rule.startswith(prefix), "its rules") if decision else ""
    return Feature(f"wish: {_words(name)}", _text(value), changed)


def _ruled_out(decision: Decision, reads: Callable[[str], bool], rule: str) -> str:
    number = sum(reads(one.rule) for one in decision.excluded)
    least = "at least " if decision.more_excluded else ""
    return (
        f"{rule} ruled out {least}{number} candidate{'' if number == 1 else 's'}" if number else "nobody was ruled out"
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else pretty(value)
