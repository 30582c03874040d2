"""Which one model embeds? Vectors of different models cannot be compared, so no other may ever take its place."""

from typing import Final

from msgspec import Struct

from providers.embeddings import EmbeddingRequest
from providers.targets import Target
from routing.candidates import Excluded, Gate, cannot_do, may_call

RULE: Final = "same model"


class Rank(Struct, frozen=True, order=True):
    """What decides between models: facts of the catalogue alone, for health and speed change from hour to hour."""

    quality: float  # the best first: negative
    input_price: float
    model: str


def one_model(targets: list[Target], gate: Gate) -> tuple[list[Target], list[Excluded]]:
    """The targets of one model, and the others ruled out, where the request is for embeddings; else all of them.

    `auto`, and an alias of several models, means the same model every time until the catalogue or what the
    caller may call changes: the one of the best quality, then of the lowest price, then by name.
    """
    if gate.request.operation != EmbeddingRequest.operation:
        return targets, []
    able = [target for target in targets if may_call(gate.caller, target, gate.catalog) and not cannot_do(target, gate)]
    if not able:
        return targets, []
    model = min(able, key=_rank).model
    why = f"{model} is chosen, and vectors of another model cannot be compared"
    others = {target.id: Excluded(target.name, RULE, why) for target in able if target.model != model}
    return [target for target in targets if target.id not in others], list(others.values())


def _rank(target: Target) -> Rank:
    return Rank(-(target.quality or 0.0), target.price.input if target.price else float("inf"), target.model)
