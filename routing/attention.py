"""What about the upstreams' health needs an operator?"""

from collections.abc import Iterator
from typing import Final

from django.urls import reverse

from providers.attention import PROVIDERS, Notice
from routing.resilience.report import CredentialReport, HealthReport

HOUR_S: Final = 3600
UNTRUSTED: Final = "its certificate is not trusted"
UNTRUSTED_EFFECT: Final = "Nothing is sent to it: TLS is never downgraded."


def notices_of(report: HealthReport) -> Iterator[Notice]:
    """Credentials that are rejected or without quota, certificates that are not trusted; no query."""
    link = reverse("admin:providers_provider_changelist")
    told: dict[tuple[str, str, str], CredentialReport] = {}
    for each in report.refused:
        told.setdefault((each.provider, each.last_four, each.state), each)
    for each in told.values():
        yield Notice(refusal(each), effect_of(each), f"{link}?q={each.provider}", PROVIDERS, "refused")
    for provider in report.untrusted:
        yield Notice(f"{provider}: {UNTRUSTED}", UNTRUSTED_EFFECT, f"{link}?q={provider}", PROVIDERS, "refused")


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
