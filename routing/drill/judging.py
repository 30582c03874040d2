"""What can be wrong with an answer? Pure checks that scenarios put together; each yields its complaints."""

from collections.abc import Iterator

from providers.sandbox.testing import Received
from routing.drill.casting import TEXT
from routing.drill.hearing import Heard
from routing.drill.scenario import FALLBACK, Scene


def whole(heard: Heard, text: str = TEXT) -> Iterator[str]:
    """A complete answer, closed properly."""
    if heard.status is None:
        yield f"No answer came: {heard.broken}."
    elif heard.status != 200 or heard.error is not None:
        yield f"The client got an error instead of an answer: {heard.status} {code_of(heard)}."
    elif heard.broken:
        yield f"The connection broke in the middle of the answer: {heard.broken}."
    else:
        yield from _unended(heard, text)


def _unended(heard: Heard, text: str) -> Iterator[str]:
    if heard.text != text:
        yield f"The answer is not what was said: {len(heard.text)} characters instead of {len(text)}."
    if heard.finish is None:
        yield "The answer has no finish reason."
    if heard.stream and not heard.done:
        yield "The stream was not closed with [DONE]."


def by_fallback(scene: Scene) -> Iterator[str]:
    """Every answer is whole, and the last one is recorded as the fallback's."""
    for heard in scene.heard:
        yield from whole(heard)
    yield from recorded(scene)
    if scene.stories and not str(scene.story["provider"]).endswith(FALLBACK):
        yield f"The record says that {scene.story['provider']} answered, not the fallback."


def recorded(scene: Scene) -> Iterator[str]:
    """Each request left a record."""
    if len(scene.stories) < len(scene.heard):
        yield f"{len(scene.heard) - len(scene.stories)} of {len(scene.heard)} requests left no record."


def openly_cut(scene: Scene) -> Iterator[str]:
    """Never a clean end after a cut: an explicit error, or a marked recovery that is complete and not duplicated."""
    heard = scene.last
    if scene.take.recovery:
        yield from whole(heard)
        if not heard.recovered:
            yield "The answer was put together from two and does not say so."
    elif heard.error is None:
        yield from _passed_off(heard)
    else:
        yield from _contradicted(heard)
    yield from recorded(scene)
    yield from _partly_billed(scene)


def _partly_billed(scene: Scene) -> Iterator[str]:
    """What was sent before the cut was generated, and is billed."""
    sent = [attempt for story in scene.stories for attempt in story["attempts"] if attempt["committed"]]
    if any(attempt["completion_tokens"] is None or attempt["cost_usd"] is None for attempt in sent):
        yield "The tokens that were sent before the cut were not recorded."


def _passed_off(heard: Heard) -> Iterator[str]:
    """Without an error the answer must be complete."""
    if heard.text != TEXT:
        ended = "a clean end" if heard.done or heard.finish else "and no word about it"
        yield f"A truncated answer was passed off as success: {len(heard.text)} of {len(TEXT)} characters, {ended}."
    else:
        yield from whole(heard)


def _contradicted(heard: Heard) -> Iterator[str]:
    """Where there is an error, nothing else may say that all is well."""
    if heard.done:
        yield "The error was followed by [DONE], as if the answer were complete."
    if heard.finish is not None:
        yield f"The answer failed and still has the finish reason {heard.finish}."
    if not TEXT.startswith(heard.text):
        yield "What was sent before the error is not the beginning of the answer."
    if heard.status == 200 and code_of(heard) != "upstream_interrupted":
        yield f"The error inside the stream is {code_of(heard)}, not upstream_interrupted."


def at_most(calls: list[Received], most: int, why: str) -> Iterator[str]:
    """An upstream was left alone."""
    if len(calls) > most:
        yield f"The primary was called {len(calls)} times, {most} at most were expected: {why}."


def none_between(calls: list[Received], begin: float, end: float, why: str) -> Iterator[str]:
    """No call came in a span of time; seconds since the epoch."""
    early = [call for call in calls if begin < call.started_at < end]
    if early:
        yield f"The primary was called {len(early)} times {why}."


def within(heard: Heard, seconds: float, what: str) -> Iterator[str]:
    """The answer came in time."""
    if heard.total_s > seconds:
        yield f"The answer took {heard.total_s:.1f} s: {what} should have ended the wait within {seconds:.1f} s."


def code_of(heard: Heard) -> str:
    return str((heard.error or {}).get("code") or (heard.error or {}).get("type") or "without a code")
