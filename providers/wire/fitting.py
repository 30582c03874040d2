"""What of a request that was made for another API does an upstream of OpenAI's form not take?

Who asks in the chat's own form knows its upstream, and the body passes. Who speaks something else asks for what the
models of that other vendor have: Claude Code for 32,000 tokens of answer and an effort, whatever answers.
"""

from typing import Final

import msgspec
from msgspec import Raw

from providers.chat import ChatRequest
from providers.targets import Target

CHAT: Final = "chat"
LIMIT: Final = "max_completion_tokens"
EFFORT: Final = "reasoning_effort"


def fitted(fields: dict[str, Raw], request: ChatRequest, target: Target) -> tuple[str, ...]:
    """Alter `fields` to what the target takes, as far as the catalogue knows it; returns warnings."""
    if request.surface == CHAT:
        return ()
    warnings = []
    wanted, most = request.body.max_completion_tokens, target.max_output
    if wanted and most and wanted > most:
        fields[LIMIT] = Raw(msgspec.json.encode(most))
        warnings.append(f"{LIMIT} lowered to {most}, the most that {target.name} writes")
    if EFFORT in fields and "reasoning" not in target.capabilities:
        del fields[EFFORT]
        warnings.append(f"{EFFORT} dropped")
    return tuple(warnings)
