"""How is a number written? Pure functions from exact values to the few characters that a person reads.

Unknown is a dash everywhere, never 0. Money comes in nano-dollars, durations in milliseconds.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from providers.usdprice import CENT, dollars

UNKNOWN = "—"
MINUS = "−"  # as long as a plus, and no hyphen at which a line breaks
NO_EARLIER = "no earlier data"
MANY_TIMES = 10  # from here on a change is said in times: +69,800 % says little
NANO = Decimal(1_000_000_000)


def money(nano_usd: int | None, estimated: bool = False) -> str:
    """`$1,234.56`, `$0.0123`, `$0.00012`, `−$0.0050`; a true zero is `$0.00`, an estimate `≈ $0.0123`."""
    if nano_usd is None:
        return UNKNOWN
    sign = MINUS if nano_usd < 0 else ""
    return f"{'≈ ' if estimated else ''}{sign}${dollars(abs(Decimal(nano_usd)) / NANO)}"


def exact_money(nano_usd: int | None) -> str:
    """All nine digits for machines: `0.000012345`, `-0.000012345`."""
    return UNKNOWN if nano_usd is None else f"{Decimal(nano_usd) / NANO:.9f}"


def exact_dollars(nano_usd: int | None) -> str:
    """The same for titles: `$0.000012345`, `−$0.000012345`."""
    if nano_usd is None:
        return UNKNOWN
    return f"{MINUS if nano_usd < 0 else ''}${exact_money(abs(nano_usd))}"


def per_million(usd: Decimal | None) -> str:
    """A price in USD per million tokens as it is quoted: `0.15`, `2.50`, `60.00`."""
    if usd is None:
        return UNKNOWN
    exact = usd.normalize()
    return f"{usd:.2f}" if exact == exact.quantize(CENT) else f"{exact:f}"


def count(number: int | None) -> str:
    """`88,310`."""
    return UNKNOWN if number is None else f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1 key`, `1,204 keys`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def tokens(number: float | None) -> str:
    """`842`, `12.3k`, `1.24M`."""
    if number is None:
        return UNKNOWN
    if number < 999.5:
        return f"{number:.0f}"
    if number < 999_950:
        return f"{number / 1e3:.1f}k"
    if number < 999_995_000:
        return f"{number / 1e6:.2f}M"
    return f"{number / 1e9:,.2f}B"


def gibibytes(number: float | None) -> str:
    """Memory as it is bought: `0.52 GiB`, `23.1 GiB`."""
    if number is None:
        return UNKNOWN
    size = number / 2**30
    return f"{size:.2f} GiB" if size < 10 else f"{size:.1f} GiB"


def duration(ms: float | None) -> str:
    """`0.4 ms`, `842 ms`, `3.42 s`, `2 m 05 s`, `3 h 07 m`."""
    if ms is None:
        return UNKNOWN
    if ms < 9.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_995:
        return f"{ms / 1e3:.2f} s"
    seconds = round(ms / 1e3)
    if seconds < 3600:
        return f"{seconds // 60} m {seconds % 60:02d} s"
    return f"{seconds // 3600:,} h {seconds % 3600 // 60:02d} m"


def in_seconds(ms: float | None) -> str:
    """`0.842 s`, `3.42 s`, `1,204 s`: one unit, where values stand along one axis."""
    if ms is None:
        return UNKNOWN
    return f"{ms / 1e3:.3f} s" if ms < 999.5 else f"{ms / 1e3:.2f} s" if ms < 99_995 else f"{ms / 1e3:,.0f} s"


def in_milliseconds(ms: float | None) -> str:
    """`0.4 ms`, `842 ms`, `3,420 ms`: the same for what is short."""
    if ms is None:
        return UNKNOWN
    return f"{ms:.1f} ms" if ms < 9.95 else f"{ms:,.0f} ms"


def age(ms: float) -> str:
    """`12 s`, `2 m 05 s`, `1 h 07 m`: whole seconds, as they tick on the page (static/dashboard/live.js)."""
    seconds = max(int(ms / 1000), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} m {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} m"


def percent(share: float | None) -> str:
    """A share of 0..1 with one decimal; nearly all never reads `100.0 %`, nor nearly nothing `0.0 %`."""
    if share is None:
        return UNKNOWN
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{share * 100:.1f} %"


def change(now: float | None, before: float | None) -> str:
    """`+12.3 %` against the period before, `×699` of ten times and more; nothing to compare with is said, not divided
    by."""
    if now is None or not before:
        return NO_EARLIER
    if now / before >= MANY_TIMES:
        return f"×{now / before:,.0f}"
    said = f"{(now - before) / before * 100:+.1f} %".replace("-", MINUS)
    return said[1:] if said[1:] == "0.0 %" else said


def against(now: float | None, before: float | None, requests: int, write: Callable[[Any], str]) -> str:
    """As `moved`, in a sentence: `+12.3 % vs previous period`."""
    said = moved(now, before, requests, write)
    return f"{said} vs previous period" if now is not None and before else said


def moved(now: float | None, before: float | None, requests: int, write: Callable[[Any], str]) -> str:
    """`+12.3 %`; where nothing can be divided by, what was before, of so many requests: `$0.00 before`."""
    if now is not None and before:
        return change(now, before)
    return f"{'unknown' if before is None else write(before)} before" if requests else NO_EARLIER


def rate(per_s: float | None) -> str:
    """Requests per second: `0`, `0.25`, `12.5`, `1,204`."""
    if per_s is None:
        return UNKNOWN
    return f"{per_s:,.0f}" if per_s == 0 or per_s >= 99.95 else f"{per_s:.1f}" if per_s >= 9.995 else f"{per_s:.2f}"


def speed(tokens_per_s: float | None) -> str:
    """Tokens per second, the unit beside or above: `4.2`, `83`, `1,204`."""
    if tokens_per_s is None:
        return UNKNOWN
    return f"{tokens_per_s:.1f}" if tokens_per_s < 9.95 else f"{tokens_per_s:,.0f}"


def per_token(tokens_per_s: float | None) -> str:
    """The same as time per token: `12.0 ms`."""
    return duration(1000 / tokens_per_s) if tokens_per_s else UNKNOWN


def share_of(part: float | None, whole: float | None) -> float | None:
    """`part / whole`, or None where that has no meaning."""
    return None if part is None or not whole else part / whole


UNITS: Mapping[str, Callable[[Any], str]] = {
    "usd": money,
    "requests": count,
    "rate": rate,
    "tokens": tokens,
    "s": in_seconds,
    "ms": in_milliseconds,
    "bytes": gibibytes,
    "share": percent,
}
