"""What did routing save, against what?"""

from msgspec import Struct

from dashboard.formatting import share_of
from dashboard.panels.base import Panel
from dashboard.savings import ASKED, DEAREST, FIRST, SPLIT_BY, Saved, baseline_of, saved_in, total
from dashboard.savingsteps import Step, steps
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from providers.selectors import dearest_models

LABELS = {DEAREST: "dearest eligible", ASKED: "as asked", FIRST: "first choice"}
MOST_MODELS = 5  # offered as baselines


class Baseline(Struct, frozen=True):
    """One choice of what to compare with."""

    label: str
    address: str
    current: bool


class Against(Struct, frozen=True):
    whole: Saved
    baselines: tuple[Baseline, ...]
    against: str
    steps: tuple[Step, ...]
    share: float | None  # of the baseline
    unmatched: str  # why requests whose cost is known are not compared


class SavingsPanel(Panel):
    """From the baseline step by step to what was paid, and how many requests that speaks of."""

    name = "savings"
    title = "What did routing save, against what?"
    unit = "US dollars"
    page = "savings"
    order = 10
    formula = (
        "Saved = baseline − paid, less than nothing included, over the answered requests of the range. Paid is their "
        "cost, all attempts together. The baseline is the cost of the same tokens, as they were counted, at other "
        "prices of that moment: of the dearest that could have answered (“dearest eligible”; of the 25 candidates that "
        "a record lists and the dearest of the others), of the model that the request named (“as asked”), of the first "
        "choice of its plan, or of a model that is named here, whether it could have answered or not; where several "
        "providers have that model, of the dearest. Another model would have counted and answered in other tokens: "
        "that is not in it. The steps add up to saved, exactly. Routing: the tokens at the baseline’s list price − the "
        "same at the list price of the deployment that answered, as if none had come from a cache; where that runs on "
        "our own hardware, this difference is Local instead. Cache: what tokens from a cache saved at the deployment "
        "that answered, against its own price of uncached input and less what keeping them cost, − what they would "
        "have saved at the baseline, whose cost above counts them at its own cached price. Further attempts: − what "
        "all attempts but the one that answered cost. Not told apart: what requests saved of whom only the whole is "
        "known. ≈: there are tokens that we estimated."
    )
    counts = {"status": "answered"}

    def data(self, scope: Scope) -> Against:
        whole = total([sums for (sums,) in saved_in(scope, (scope.period.span,), SPLIT_BY).values()])
        chosen = baseline_of(scope)
        models = [] if scope.sample else scope.ask(dearest_models, MOST_MODELS)  # no price of ours is of its days
        names = list(dict.fromkeys([*LABELS, *models, chosen]))
        return Against(
            whole=whole,
            baselines=tuple(Baseline(_label(name), scope.here(baseline=name), name == chosen) for name in names),
            against=_label(chosen),
            steps=steps(whole) if whole.requests else (),
            share=share_of(whole.saved, whole.baseline),
            unmatched=_unmatched(chosen),
        )

    def table(self, data: Against, scope: Scope) -> Table | None:
        if not data.steps:
            return None
        return Table((Column("Step"), Column("Amount", "USD")), [(step.label, step.amount) for step in data.steps])


def _label(baseline: str) -> str:
    return LABELS.get(baseline, baseline)


def _unmatched(baseline: str) -> str:
    if baseline == ASKED:
        return "they named no model (auto), or one that was no candidate or has no price"
    return "their first choice has no price" if baseline == FIRST else f"no price of {baseline} is known from then"
