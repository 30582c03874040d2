"""What is one attempt of a request while it runs? What it saw, and how its books are closed, once."""

from collections.abc import Callable
from types import TracebackType
from typing import Final

import msgspec

from providers.attempts import Marks
from providers.chat import Answer, Chunk, TokenUsage
from providers.errors import ProviderError, StreamInterrupted
from providers.requests import Request
from providers.targets import Secret, Target
from providers.wire.remains import characters_in
from routing.answering.paying import longest_answer
from tenants.pockets import Hold
from usage.outcomes import AttemptOutcome

CHARACTERS_PER_TOKEN: Final = 4.0


class Try:
    """One attempt. As a context manager it takes a `ProviderError` in when another candidate may be asked."""

    __slots__ = (
        "_on_close", "answer_length", "hold", "marks", "outcome", "prompt", "response_id", "secret", "signed", "target",
        "usage",
    )  # fmt: skip

    def __init__(
        self,
        target: Target,
        secret: Secret | None,
        outcome: AttemptOutcome,
        on_close: Callable[["Try", BaseException | None], None],
        hold: Hold | None = None,
    ) -> None:
        self.target, self.secret, self.outcome = target, secret, outcome
        self.hold = hold  # what was set aside for it in its caller's budgets
        self.marks = Marks()
        self.usage: TokenUsage | None = None
        self.prompt: TokenUsage | None = None  # what was counted of the prompt, and of the answer, before it was whole
        self.answer_length = 0  # characters
        self.response_id: str | None = None
        self.signed: tuple[str, ...] = ()  # marks that bind the conversation to this deployment
        self._on_close: Callable[[Try, BaseException | None], None] | None = on_close  # None: the books are closed

    @property
    def committed(self) -> bool:
        return self.outcome.committed

    def saw(self, batch: list[Chunk]) -> bool:
        """Take a batch of chunks in; say whether it carries content."""
        content = False
        for chunk in batch:
            event = chunk.event
            if chunk.marks:
                self.signed += chunk.marks
            self.prompt = chunk.prompt or self.prompt
            if event.usage:
                self.usage = event.usage.tokens()
            for choice in event.choices:
                if choice.finish_reason:
                    self.outcome.finish_reason = choice.finish_reason
            if length := chunk.content_length:
                self.answer_length += length
                content = True
        if self.outcome.served_model is None and batch:
            self.outcome.served_model = batch[0].event.model
            self.response_id = batch[0].event.id
        return content

    def answered(self, answer: Answer) -> None:
        """A whole answer arrived."""
        self.usage = answer.usage
        self.answer_length = answer.text_length
        self.outcome.finish_reason = answer.finish_reason
        self.outcome.served_model = answer.served_model
        self.response_id = answer.id
        self.signed = answer.marks

    def reckoned(self, request: Request, prompt_tokens: Callable[[Target], int]) -> TokenUsage | None:
        """Its tokens: as reported, else estimated from what arrived, at most what was asked for, else none. A prompt
        that was counted before the answer broke off is not estimated: most of it may have come from a cache, at a tenth
        of the price. Nor is less taken than was counted of the answer: thoughts are billed and not always shown."""
        if self.usage is None and self.marks.arrived:
            self.answer_length = characters_in(self.marks.arrived)
        if self.usage is not None or not (self.answer_length or self._is_billed_so_far):
            return self.usage
        written = int(self.answer_length / CHARACTERS_PER_TOKEN) + 1 if self.answer_length else 0
        tokens = min(written, longest_answer(request, self.target))
        if self.prompt is not None:
            completion = max(tokens, self.prompt.completion)
            return msgspec.structs.replace(self.prompt, completion=completion, estimated=True)
        return TokenUsage(prompt_tokens(self.target), tokens, estimated=True)

    @property
    def _is_billed_so_far(self) -> bool:
        """Whether what was counted is billed though no word came: the upstream was well when the client left, or it had
        begun to write."""
        return self.prompt is not None and (self.outcome.status == "cancelled" or self.prompt.completion > 0)

    def close(self, exc: BaseException | None) -> bool:
        """Close the books; say whether another candidate may be asked instead.

        Raises `StreamInterrupted` where the caller has had a part of the answer already. A second call changes nothing.
        """
        on_close, self._on_close = self._on_close, None  # nor is a circle left of it and its request, for the collector
        if on_close is None:
            return False
        outcome = self.outcome
        if exc is None:
            outcome.status = "answered"
        elif isinstance(exc, ProviderError):
            outcome.status = "interrupted" if outcome.committed else "failed"
            outcome.error, outcome.error_message = type(exc).__name__, exc.message
            outcome.upstream_status, outcome.retry_after_s = exc.upstream_status, exc.retry_after_s
            self.prompt = exc.counted or self.prompt
        elif isinstance(exc, Exception):
            outcome.error = type(exc).__name__  # a fault of ours: it says nothing about the upstream
        else:
            outcome.status = "cancelled"
        on_close(self, exc)
        if isinstance(exc, ProviderError) and outcome.committed:
            raise StreamInterrupted(f"the upstream broke off: {exc.message}") from exc
        return isinstance(exc, ProviderError) and exc.fails_over

    def __enter__(self) -> "Try":
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> bool:
        return self.close(exc)
