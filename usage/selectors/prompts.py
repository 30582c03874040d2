"""What did prompts turn out to be, against what we made of them? Estimate and report, of a model's newest requests."""

from collections.abc import Sequence
from typing import Final

import msgspec
from django.db.models import Q
from msgspec import Struct

from usage.models import RequestRecord
from usage.ranges import TimeRange
from usage.selectors.whose import of

# Pictures and sounds are counted by other rules than texts, and an attempt after others may go on with their answer. An
# estimate that is null is of a prompt of which the upstream keeps a part.
_COMPARABLE: Final = Q(status="answered", estimated=False, modality="text", attempts_count=1, prompt_tokens__gt=0)
_KNOWN: Final = Q(estimated_prompt_tokens__isnull=False, features__isnull=False)


class PromptPair(Struct, frozen=True):
    """One prompt in tokens: estimated from its characters, before any calibration, and as its provider reported."""

    estimated: int
    reported: int


class _Features(Struct):
    prompt_tokens: int = 0


_features: Final = msgspec.json.Decoder(_Features).decode


def prompt_pairs(model: str, period: TimeRange, most: int) -> Sequence[PromptPair]:
    """The newest pairs of a model in the range, whoever served it; one query by index."""
    low, high = period.id_bounds
    rows = of(RequestRecord.objects.filter(id__gte=low, id__lt=high), None)
    rows = rows.filter(_COMPARABLE, _KNOWN, model=model).order_by("-id")
    told = rows.values_list("features", "prompt_tokens")[:most]
    pairs = [PromptPair(_features(features or "{}").prompt_tokens, reported or 0) for features, reported in told]
    return [pair for pair in pairs if pair.estimated > 0]
