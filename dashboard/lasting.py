"""Which findings are one and the same? What is told twice, by records and by workers, and what one outage does."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from providers.attention import Notice, failing, outage

STATES: Final = frozenset({"failing", "open", "slow"})  # levels of what lasts, and whose beginning a check may not see


def one_each(noticed: Iterable[Notice]) -> list[Notice]:
    """Without the deployments of a provider that cannot be reached; what is told twice has its earlier since."""
    told = list(noticed)
    away = tuple(
        failing(f"{each.about.removeprefix(outage(''))}/") for each in told if each.about.startswith(outage(""))
    )
    earliest: dict[str, Notice] = {}
    for each in told:
        earliest[each.about] = earlier(earliest.get(each.about, each), each)
    return [earlier(each, earliest[each.about]) for each in told if not (away and each.about.startswith(away))]


def earlier(notice: Notice, other: Notice | None) -> Notice:
    """A notice with the since of another about the same, where it lasts and that is earlier."""
    if other is None or other.since is None or not {notice.level, other.level} <= STATES:
        return notice
    if notice.since is not None and notice.since <= other.since:
        return notice
    return replace(notice, since=other.since, before=other.before)
