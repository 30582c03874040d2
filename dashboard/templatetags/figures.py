"""The filters and tags of the dashboard's templates: numbers as people read them, the exact value beside."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import formatting
from dashboard.examples import examples
from dashboard.headrooms import Left
from dashboard.scope import Scope
from dashboard.sorting import ASCENDING, DESCENDING, Sorting
from providers import errorwords

register = template.Library()

STATES: Mapping[str, tuple[str, str, str]] = {  # state -> class, sign, word: never colour alone
    "answered": ("ok", "✓", "answered"),
    "failed": ("bad", "✕", "failed"),
    "rejected": ("warn", "⊘", "rejected"),
    "cancelled": ("", "◌", "cancelled"),
    "interrupted": ("bad", "⚠", "interrupted"),
    "failover": ("warn", "↷", "failed over"),
    "failing": ("bad", "✕", "failing"),
    "refused": ("bad", "⊘", "refused"),
    "unpriced": ("warn", "$", "no price"),
    "price": ("warn", "$", "price"),
    "budget": ("warn", "$", "budget"),
    "spent": ("bad", "$", "spent"),
    "short": ("warn", "◔", "runs out"),
    "tight": ("warn", "◑", "tight"),
    "holds": ("ok", "✓", "holds"),
    "unknown": ("", "?", "unknown"),
    "figures": ("warn", "≠", "figures"),
    "ending": ("warn", "◔", "ends soon"),
    "job": ("warn", "✕", "job"),
    "setup": ("warn", "!", "setup"),
    "slow": ("warn", "◔", "slow"),
    "lag": ("warn", "◔", "lags"),
    "full": ("warn", "▮", "nearly full"),
    "stale": ("warn", "◔", "out of date"),
    "changed": ("info", "Δ", "changed"),
    "unused": ("", "–", "unused"),
    "unheard": ("warn", "!", "nobody told"),
    "healthy": ("ok", "✓", "healthy"),
    "closed": ("ok", "✓", "healthy"),  # as a decision record says it, of a breaker
    "degraded": ("warn", "◑", "degraded"),
    "half_open": ("warn", "◑", "half-open"),
    "open": ("bad", "✕", "circuit open"),
    "cooldown": ("warn", "◔", "cooling down"),
    "works": ("ok", "✓", "works"),
    "in part": ("warn", "◑", "in part"),
    "well": ("ok", "✓", "all well"),
    "queued": ("warn", "…", "queued"),
    "waiting": ("info", "◔", "waiting for first token"),
    "working": ("info", "◔", "waiting for the answer"),
    "streaming": ("ok", "▸", "streaming"),
    "failing over": ("warn", "↷", "failing over"),
    "retrying": ("warn", "↻", "trying again"),
    "passed": ("ok", "✓", "passed"),
    "waits": ("", "◔", "waits for a worker"),
    "runs": ("info", "◑", "runs"),
    "over": ("", "–", "over"),
    "lost": ("bad", "⚠", "ended without a result"),
    "better": ("ok", "▲", "better"),
    "worse": ("bad", "▼", "worse"),
    "same": ("", "=", "as before"),
    "active": ("ok", "✓", "active"),
    "expired": ("warn", "◔", "expired"),
    "revoked": ("", "⊘", "revoked"),
    "ready": ("ok", "✓", "ready"),
    "off": ("", "–", "disabled"),
    "chosen": ("ok", "✓", "served"),
    "excluded": ("", "⊘", "ruled out"),
    "loaded": ("ok", "✓", "in memory"),
    "loading": ("warn", "◔", "loading"),
    "downloading": ("warn", "◔", "downloading"),
    "unloaded": ("", "–", "not in memory"),
    "empty": ("bad", "⊘", "used up"),
    "pinned": ("ok", "✦", "pinned in memory"),
    "done": ("ok", "✓", "done"),
    "sleeping": ("", "☾", "asleep"),
    "sandbox": ("info", "◆", "sandbox"),
    "sample": ("sample", "▨", "sample"),
    "local": ("info", "⌂", "local"),
}


@register.filter
def badge(state: str) -> SafeString:
    """A state as sign and word."""
    css, sign, word = STATES.get(state, ("", "?", state))
    return format_html('<span class="badge {}"><span aria-hidden="true">{}</span>{}</span>', css, sign, word)


@register.filter
def money(nano_usd: int | None, estimated: bool = False) -> SafeString:
    """An amount with its nine digits in the title."""
    if nano_usd is None:
        return format_html('<span title="unknown: no price for this model">{}</span>', formatting.UNKNOWN)
    exact = formatting.exact_money(nano_usd)
    title, said = formatting.exact_dollars(nano_usd), formatting.money(nano_usd, estimated)
    return format_html('<data value="{}" title="{}">{}</data>', exact, title, said)


@register.filter
def in_words(error: str) -> str:
    """A class of error in plain words."""
    return errorwords.in_words(error)


@register.filter
def error(name: str | None) -> SafeString | str:
    """The same, with the name of the class in the title."""
    return format_html('<span title="{}">{}</span>', name, errorwords.in_words(name)) if name else formatting.UNKNOWN


@register.filter
def per_million(usd: Decimal | None) -> SafeString | str:
    """A price per million tokens."""
    if usd is None:
        return format_html('<span title="unknown: no price is entered">{}</span>', formatting.UNKNOWN)
    return formatting.per_million(usd)


@register.filter
def tokens(number: int | None) -> SafeString | str:
    if number is None:
        return formatting.UNKNOWN
    return format_html('<data value="{}" title="{} tokens">{}</data>', number, f"{number:,}", formatting.tokens(number))


@register.filter
def duration(ms: float | None) -> SafeString | str:
    if ms is None:
        return formatting.UNKNOWN
    return format_html('<data value="{}" title="{} ms">{}</data>', f"{ms:.3f}", f"{ms:,.3f}", formatting.duration(ms))


@register.filter
def instant(when: datetime) -> str:
    """`27 Nov 14:05`, by the clock of its own zone."""
    return f"{when:%-d %b %H:%M}"


@register.filter
def since(when: datetime, now: datetime) -> str:
    """`12 s`, `4 m 20 s`: how long ago that was."""
    return formatting.age((now - when).total_seconds() * 1000)


@register.filter
def empty_at(left: Left, now: datetime) -> datetime:
    """When a limit of which that is left is used up."""
    return now + timedelta(seconds=left.empty_in_s or 0.0)


@register.filter
def seconds(number: float) -> str:
    """`12 s`, `4 m 20 s`."""
    return formatting.age(number * 1000)


@register.filter
def gibibytes(number: int | None) -> SafeString | str:
    """Memory, with the bytes in the title."""
    if number is None:
        return formatting.UNKNOWN
    return format_html(
        '<data value="{}" title="{} bytes">{}</data>', number, f"{number:,}", formatting.gibibytes(number)
    )


@register.filter
def count(number: int | None) -> str:
    return formatting.count(number)


@register.filter
def rate(per_s: float | None) -> str:
    return formatting.rate(per_s)


@register.filter
def speed(tokens_per_s: float | None) -> str:
    return formatting.speed(tokens_per_s)


@register.filter
def per_token(tokens_per_s: float | None) -> str:
    return formatting.per_token(tokens_per_s)


@register.filter
def percent(share: float | None) -> str:
    return formatting.percent(share)


@register.filter
def rating(score: float | None) -> SafeString | str:
    """What a caller said of an answer, in a word; the score in the title."""
    if score is None:
        return formatting.UNKNOWN
    sign, word = ("▲", "good") if score > 0 else ("▼", "bad") if score < 0 else ("=", "neither")
    return format_html('<span title="{}"><span aria-hidden="true">{} </span>{}</span>', f"{score:+g}", sign, word)


@register.filter
def parted(deployment: str) -> SafeString:
    """`provider/model`, which may be broken behind the slash and nowhere else."""
    provider, slash, model = deployment.partition("/")
    return format_html('<span class="nowrap">{}{}</span><wbr><span class="nowrap">{}</span>', provider, slash, model)


@register.filter
def known(value: object) -> object:
    """The value, or the dash of the unknown."""
    return formatting.UNKNOWN if value is None or value == "" else value


@register.simple_tag
def go(scope: Scope, page: str, **words: str) -> str:
    """The address of another page for the same period: `{% go scope "requests" status="failed" %}`."""
    return scope.link(page, **{name: str(value) for name, value in words.items()})


@register.simple_tag
def heading(order: Sorting, column: str, label: str, css: str = "n", rows: int = 1) -> SafeString:
    """The heading of a column that sorts: `{% heading data.order "cost" "Cost, USD" %}`."""
    head = order.heads[column]
    arrow = {ASCENDING: " ↑", DESCENDING: " ↓"}.get(head.sorted, "")
    sign = format_html('<span aria-hidden="true">{}</span>', arrow) if arrow else ""
    state = format_html(' aria-sort="{}"', head.sorted) if head.sorted else ""
    span = format_html(' rowspan="{}"', rows) if rows > 1 else ""
    return format_html(
        '<th scope="col" class="{}"{}{}><a class="sort" href="{}">{}{}</a></th>',
        css,
        state,
        span,
        head.address,
        label,
        sign,
    )


@register.simple_tag(takes_context=True)
def example(context: Mapping[str, Any], name: str) -> str:
    """The lines with which a client of that name asks this installation (`dashboard.examples`)."""
    return next(one.code for one in examples(own_url(context)) if one.name == name)


@register.simple_tag(takes_context=True)
def own_url(context: Mapping[str, Any]) -> str:
    """Where this installation was asked: `https://llm.example`."""
    request = context.get("request")  # a panel may be drawn without one
    return f"{request.scheme}://{request.get_host()}" if request else settings.PUBLIC_URL
