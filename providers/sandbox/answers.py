"""What a model of the sandbox answers: deterministic, and made from the prompt."""

from providers.found import FoundModel
from providers.sandbox.prompts import Prompt
from providers.sandbox.replies import Reply
from providers.sandbox.tokens import pieces


def reply_to(prompt: Prompt, model: FoundModel, at: int) -> Reply:
    """Answer number `at` to the prompt."""
    name = prompt.model.partition("!")[0]
    return Reply(tuple(pieces(f"This is sandbox text from {name}. You asked: “{prompt.question[:200]}”")))
