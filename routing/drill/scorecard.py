"""How is a scorecard shown on a terminal?"""

from collections.abc import Sequence

from routing.drill.scores import Score

HEAD = f"{'':4}  {'scenario':40} {'':6} {'first content':>13} {'failover':>9} {'total':>9}"


def table(scores: Sequence[Score]) -> str:
    """A line per scenario with its times, its sentence below, and the sum."""
    lines = [HEAD]
    for score in scores:
        times = f"{_ms(score.first_content_ms):>13} {_ms(score.failover_ms):>9} {_ms(score.total_ms):>9}"
        lines += [f"{score.scenario:4}  {score.title:40} {'passed' if score.passed else 'FAILED'} {times}"]
        lines += [f"      {score.why}"]
    return "\n".join([*lines, "", f"{sum(score.passed for score in scores)} of {len(scores)} passed"])


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"
