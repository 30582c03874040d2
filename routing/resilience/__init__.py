"""Whom to leave alone after failures: breakers, credentials at rest, throttles and budgets of retries."""

from routing.resilience.credentials import RATE_LIMITED, Bar
from routing.resilience.health import Health

__all__ = ["RATE_LIMITED", "Bar", "Health"]
