"""Speed and percentiles that the pages show are near those of the outcomes themselves."""

from collections import Counter
from datetime import timedelta
from statistics import quantiles

import pytest

from tests.usage.test_selectors import RANGES, within
from usage import selectors
from usage.outcomes import Outcome


def test_speed_is_weighted_by_tokens(told: list[Outcome]) -> None:
    (found,) = selectors.attempts(RANGES[-1], deployment="alpha/small")
    own = [
        attempt
        for one in told
        for attempt in one.attempts
        if attempt.deployment == "alpha/small" and attempt.status == "answered" and attempt.first_token_ms is not None
    ]
    seconds = sum(one.ended_ms - (one.first_token_ms or 0) for one in own) / 1000

    assert found.tokens_per_s == pytest.approx(sum(one.completion_tokens or 0 for one in own) / seconds, rel=1e-4)


def test_percentiles_are_near_the_truth(told: list[Outcome]) -> None:
    metrics: tuple[selectors.Metric, ...] = ("total", "ttft", "overhead")
    for metric in metrics:
        values = sorted(float(getattr(one, f"{metric}_ms")) for one in told if one.status == "answered")
        truth = quantiles(values, n=100)
        (found,) = selectors.percentiles(metric, RANGES[-1])

        assert found.n == len(values)
        assert [found.p50, found.p95, found.p99] == pytest.approx([truth[49], truth[94], truth[98]], rel=0.12)


def test_percentiles_by_tenant_and_deployment_cover_all_samples(told: list[Outcome]) -> None:
    answered = [one for one in told if one.status == "answered"]

    assert {one.value: one.n for one in selectors.percentiles("total", RANGES[-1], "tenant")} == Counter(
        one.tenant_id for one in answered
    )
    assert {
        one.value: one.n for one in selectors.percentiles("total", RANGES[-1], "deployment", tenant_id=1)
    } == Counter(f"{one.provider}/{one.model}" for one in answered if one.tenant_id == 1)
    with pytest.raises(ValueError, match="all tenants together"):
        selectors.percentiles("tpot", RANGES[-1], tenant_id=1)


def test_few_samples_give_no_percentile(told: list[Outcome]) -> None:
    buckets = RANGES[-1].buckets(timedelta(minutes=15))
    found = selectors.percentile_series("total", buckets)

    assert sum(one.n for one in found) == sum(one.status == "answered" for one in told)
    assert all((one.p50 is None) == (one.n < 20) for one in found)
    for bucket, one in zip(buckets, found, strict=True):
        own = [each.total_ms for each in within(told, bucket) if each.status == "answered"]
        assert (one.middle is not None) == (0 < len(own) < 20)
        if one.middle is not None:
            assert min(own) * 0.88 <= one.middle <= max(own) * 1.12
