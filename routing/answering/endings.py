"""What is a caller told when nobody answered? One clear error with every attempt's id, and when to come back."""

from collections.abc import Iterator
from math import isfinite

from providers.errors import GatewayError, RateLimited, UnsupportedByWire
from routing.answering.story import Story
from routing.errors import AllAttemptsFailed, DeadlineExceeded
from routing.resilience import Health
from tenants.errors import LimitsUnavailable, TenantError
from usage import ids

SOON_S = 1.0  # when nobody says how long it may last


def exhausted(story: Story, health: Health) -> GatewayError:
    """The error for a story whose every turn led to nothing."""
    errors = [error for _, error in story.errors]
    if not errors:
        return DeadlineExceeded("the request's deadline passed before anybody could be asked")
    unpaid = [error for error in errors if isinstance(error, TenantError)]
    if len(unpaid) == len(errors):  # nobody failed: nobody could be paid for
        return next((error for error in unpaid if isinstance(error, LimitsUnavailable)), unpaid[0])
    wait_s = min((e.retry_after_s for e in errors if e.retry_after_s is not None), default=None)
    if all(isinstance(e, RateLimited) for e in errors):
        return RateLimited("every deployment that could answer is rate limited upstream", retry_after_s=wait_s or 1.0)
    alone = len({target.id for target, _ in story.errors}) == 1
    if alone or all(isinstance(e, UnsupportedByWire) for e in errors):
        error = errors[-1]
    else:
        error = AllAttemptsFailed(
            f"all {len(story.outcome.attempts)} attempts failed ({'; '.join(_told(story))})", retry_after_s=wait_s
        )
    if error.status == AllAttemptsFailed.status and error.retry_after_s is None:
        error.retry_after_s = _soonest_s(story, health)
    return error


def _told(story: Story) -> Iterator[str]:
    """Each attempt with its error and id; then who was not even asked."""
    asked = set()
    for attempt in story.outcome.attempts:
        asked.add(attempt.deployment_id)
        yield f"{attempt.deployment}: {attempt.error} {ids.attempt_name(story.outcome.id, attempt.index)}"
    for target, error in story.errors:
        if target.id not in asked:
            yield f"{target.name}: not asked, {type(error).__name__}"


def _soonest_s(story: Story, health: Health) -> float:
    """Seconds until the first of those who failed may be asked again."""
    now = story.clock()
    rests = [health.barred(target, now) or health.resting(target, now) for target, _ in story.errors]
    return max(min((rest[0] for rest in rests if rest and isfinite(rest[0])), default=SOON_S), SOON_S)
