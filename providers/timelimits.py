"""How long may each phase of an attempt take? As its operator says, else as the deployment's kind needs.

A server sends the head of a WHOLE answer when all of it is generated, so that wait is as long as the generation. A
local server may have to load the model first, which takes minutes from a slow disk. A reasoning model thinks before
its first token, and some hide that they do.
"""

from collections.abc import Collection, Mapping
from typing import Final

from msgspec import structs

from providers.embeddings import only_embeds
from providers.targets import Timeouts

PHASES: Final = ("connect", "first_byte", "first_token", "stall", "total")
LOAD_S: Final = 300.0  # a large model from a slow disk

HOSTED: Final = Timeouts()
REASONING: Final = Timeouts(first_byte_s=60, whole_s=600, first_token_s=300, stall_s=120, total_s=1200)
LOCAL: Final = Timeouts(first_byte_s=LOAD_S, whole_s=900, first_token_s=LOAD_S, stall_s=60, total_s=1800)
VECTORS: Final = Timeouts(whole_s=60, total_s=120)
LOCAL_VECTORS: Final = Timeouts(first_byte_s=LOAD_S, whole_s=LOAD_S, first_token_s=LOAD_S, total_s=600)


def time_limits(given: Mapping[str, float | None], capabilities: Collection[str], local: bool) -> Timeouts:
    """The limits of a deployment; `given` has what its operator said, in seconds by phase, None for nothing.

    What is given stands. What is not, never makes it pointless: no wait is shorter than one that it contains, none is
    longer than the total. A first byte that is given is that of both, streams and whole answers.
    """
    usual = default_time_limits(capabilities, local)
    said = {phase: value for phase in PHASES if (value := given.get(phase)) is not None}
    if not said:
        return usual
    first_byte = said.get("first_byte", usual.first_byte_s)
    first_token = said.get("first_token", max(usual.first_token_s, said.get("first_byte", 0.0)))
    total = said.get("total", max(usual.total_s, first_token))
    return Timeouts(
        connect_s=min(said.get("connect", usual.connect_s), total),
        first_byte_s=min(first_byte, first_token, total),
        whole_s=min(said.get("first_byte", usual.whole_s), total),
        first_token_s=min(first_token, total),
        stall_s=min(said.get("stall", usual.stall_s), total),
        total_s=total,
    )


def default_time_limits(capabilities: Collection[str], local: bool) -> Timeouts:
    """Those of the kind that a deployment with these capabilities is; one that runs here may have to load first."""
    if only_embeds(capabilities):
        return LOCAL_VECTORS if local else VECTORS
    if not local:
        return REASONING if "reasoning" in capabilities else HOSTED
    return structs.replace(LOCAL, stall_s=REASONING.stall_s) if "reasoning" in capabilities else LOCAL
