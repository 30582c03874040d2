"""What about the upstreams' health needs an operator?"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse

from providers.attention import PROVIDERS, Notice, failing, outage
from providers.errorwords import reworded
from routing.resilience.report import BreakerReport, CredentialReport, HealthReport

HOUR_S: Final = 3600
UNTRUSTED: Final = "its certificate is not trusted"
UNTRUSTED_EFFECT: Final = "Nothing is sent to it: TLS is never downgraded."


def notices_of(report: HealthReport, now: datetime) -> Iterator[Notice]:
    """Credentials that are rejected or without quota, certificates that are not trusted, open breakers; no query."""
    link = reverse("admin:providers_provider_changelist")
    told: dict[tuple[str, str, str], CredentialReport] = {}
    for each in report.refused:
        told.setdefault((each.provider, each.last_four, each.state), each)
    for each in told.values():
        about = f"credential {each.credential} of {each.provider} {each.deployment or ''}".rstrip()
        since = now - timedelta(seconds=each.since_s)
        yield Notice(
            refusal(each),
            effect_of(each),
            f"{link}?q={each.provider}",
            PROVIDERS,
            "refused",
            "Its credentials",
            about,
            since,
            traffic=each.deployment or each.provider,
            shared=True,
        )
    for provider in report.untrusted:
        yield Notice(
            f"{provider}: {UNTRUSTED}",
            UNTRUSTED_EFFECT,
            f"{link}?q={provider}",
            PROVIDERS,
            "refused",
            about=f"certificate of {provider}",
            since=_untrusted_since(report, provider, now),
            traffic=provider,
            shared=True,
        )
    for provider, breaker in report.providers.items():
        if not breaker.untrusted:
            yield _unreached(provider, breaker, report, now)
    for name, breaker in report.breakers.items():
        if breaker.state == "open" and not breaker.untrusted and not breaker.shared:
            what, effect = f"{name}: its circuit breaker is open", "Others answer in its place, as far as there are any"
            yield _open(what, effect, breaker, now, failing(name), name)


def _unreached(provider: str, breaker: BreakerReport, report: HealthReport, now: datetime) -> Notice:
    """One for all that it serves."""
    many = sum(each.shared and name.partition("/")[0] == provider for name, each in report.breakers.items())
    whom = f"{many} deployments are" if many > 1 else "Its deployment is"
    what = f"{provider} cannot be reached: its circuit breaker is {breaker.state.replace('_', '-')}"
    effect = f"{whom} not called until a probe, or a test of the connection, works"
    return _open(what, effect, breaker, now, outage(provider), provider)


def _open(what: str, effect: str, breaker: BreakerReport, now: datetime, about: str, traffic: str) -> Notice:
    """Who is not called for a while; `about` is that of who fails by the records, which say the same."""
    why = reworded(breaker.reason)
    return Notice(
        what,
        f"{why[:1].upper()}{why[1:]}. {effect}.",
        f"{reverse('dashboard:reliability')}?range=1h",
        level="open",
        verb="What caught it",
        about=about,
        since=None if breaker.down_s is None else now - timedelta(seconds=breaker.down_s),
        traffic=traffic,
        shared=True,
    )


def _untrusted_since(report: HealthReport, provider: str, now: datetime) -> datetime | None:
    spans = [
        each.since_s
        for name, each in report.breakers.items()
        if each.untrusted and each.since_s is not None and name.partition("/")[0] == provider
    ]
    return now - timedelta(seconds=max(spans)) if spans else None


def behind(serving: Mapping[str, int], known: Mapping[str, int], checked_at: datetime) -> Iterator[Notice]:
    """Whether this worker serves by an older configuration than the database had when it was last looked at."""
    late = sorted(part for part, number in serving.items() if number < known.get(part, 0))
    if late:
        what = f"This worker serves an old configuration: {', '.join(late)}"
        effect = "Changes of what is configured are not in force here; its log says what keeps it from reading them."
        yield Notice(
            what,
            effect,
            reverse("system"),
            "profiling.view_system",
            "stale",
            "The revisions",
            "old configuration",
            checked_at,
            shared=True,
        )


def refusal(report: CredentialReport) -> str:
    """Which credential was refused, and how."""
    said = "is rejected" if report.state == "credential rejected" else "has used up its quota"
    where = f" by {report.deployment}" if report.deployment else ""
    return f"{report.provider}: credential …{report.last_four} {said}{where}"


def standing(report: HealthReport | None, credential: int) -> str:
    """How one credential stands, for the row that an operator edits; a dash where nothing is known."""
    if report is None:
        return "—"
    told = [
        f"{each.state}{f' by {each.deployment}' if each.deployment else ''}. {effect_of(each)}"
        for each in report.credentials
        if each.credential == credential
    ]
    return " ".join(told) or "usable"


def effect_of(report: CredentialReport) -> str:
    """What that means until somebody acts."""
    if report.back_in_s is None:
        return "It is not used until it is changed, or its health is reset."
    span = f"{report.back_in_s / HOUR_S:.1f} h" if report.back_in_s >= HOUR_S / 10 else f"{report.back_in_s:.0f} s"
    return f"It is not used for {span}; resetting health tries it at once."
