"""What the headers of an answer say of rate limits, as each vendor writes them."""

import pytest

from providers.wire.ratelimits import RateLimit, rate_limits

NOW = 1_800_000_000.0
SOON = "2027-01-15T08:00:30Z"  # half a minute after NOW


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        (
            {
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-limit-tokens": "150000",
                "x-ratelimit-remaining-tokens": "149984",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            [RateLimit("requests", 60, 59, 1.0), RateLimit("tokens", 150_000, 149_984, 360.0)],
        ),
        (
            {
                "anthropic-ratelimit-input-tokens-limit": "40000",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": SOON,
            },
            [RateLimit("input-tokens", 40_000, 0, 30.0)],
        ),
        (
            {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "3", "x-ratelimit-reset": str(int(NOW + 9) * 1000)},
            [RateLimit("requests", 20, 3, 9.0)],
        ),
        ({"x-ratelimit-remaining-requests": "12"}, [RateLimit("requests", None, 12, None)]),
        (
            {"x-ratelimit-remaining-tokens": "many", "x-ratelimit-reset-tokens": "-3", "x-ratelimit-limit-tokens": "9"},
            [RateLimit("tokens", 9, None, None)],
        ),
        ({"x-ratelimit-limit": "nan", "anthropic-ratelimit-tokens-reset": "2020-01-01T00:00:00Z"}, []),
        ({"content-type": "application/json"}, []),
    ],
    ids=["openai", "anthropic", "openrouter", "azure", "garbage", "past", "none"],
)
def test_each_limit_is_read_as_far_as_it_is_told(headers, limits):
    assert list(rate_limits(headers, lambda: NOW)) == limits
