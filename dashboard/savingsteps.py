"""By which steps does the cost of the baseline become what was paid? A waterfall that adds up to the nano-dollar."""

from itertools import accumulate

from msgspec import Struct

from dashboard.formatting import counted
from dashboard.savings import Saved

FIRST_BAR, LAST_BAR, SAVED, COST_MORE = "f6", "f0", "fok", "fbad"


class Step(Struct, frozen=True):
    """A bar between the baseline and what was paid: from `x`, so wide, both shares of the drawing."""

    label: str
    meaning: str
    amount: int  # nano-dollars; what was saved is negative
    x: float
    width: float
    fill: str


def steps(whole: Saved) -> tuple[Step, ...]:
    """From the baseline by routing, cache, local models and further attempts to what was paid."""
    changes = [
        ("Routing", "other models, at list price", -whole.routing),
        ("Cache", "beyond what the baseline’s own would have saved", -whole.cache),
        ("Local", "models on our own hardware", -whole.local),
        ("Further attempts", "failed, hedged or recovering", -whole.further),
    ]
    if whole.split < whole.requests:
        changes.append(("Not told apart", _untold(whole.requests - whole.split), -whole.unsplit))
    levels = list(accumulate((change for *_, change in changes), initial=whole.baseline))
    low, high = min(0, *levels), max(0, *levels)

    def bar(label: str, meaning: str, amount: int, start: int, fill: str) -> Step:
        scale = high - low or 1
        return Step(label, meaning, amount, (min(start, start + amount) - low) / scale, abs(amount) / scale, fill)

    between = zip(changes, levels[:-1], strict=True)
    return (
        bar("Baseline", "the same tokens there", whole.baseline, 0, FIRST_BAR),
        *(
            bar(label, meaning, amount, at, SAVED if amount <= 0 else COST_MORE)
            for (label, meaning, amount), at in between
        ),
        bar("Paid", "all attempts together", whole.paid, 0, LAST_BAR),
    )


def _untold(requests: int) -> str:
    return f"{counted(requests, 'request')} from before the steps were kept, or without the price that tells them"
