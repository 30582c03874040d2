"""What about client keys and budgets needs an operator?"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from providers.attention import Notice
from tenants.budgets import USD, amount_text
from tenants.models import AlertReceiver, ClientKey, own
from tenants.selectors import budget_states
from tenants.settling import lost_leases
from tenants.sight import Sight, seen

SOON: Final = timedelta(days=7)
SHOWN: Final = 10
WHOLE: Final = 100  # percent


def notices(now: datetime, sight: Sight = None) -> Iterator[Notice]:
    """Of tenants in sight, ten of each: budgets past a threshold, what lost workers hold of them, keys ending soon."""
    yield from _of_budgets(now, sight)
    yield from _of_leases(now, sight)
    yield from _of_keys(now, sight)
    yield from _of_mail(sight)


def _of_budgets(now: datetime, sight: Sight) -> Iterator[Notice]:
    states = [state for state in budget_states(now) if sight is None or state.tenant_id in sight]
    passed = [state for state in states if state.alerts and state.used_percent >= state.alerts[0]]
    for state in sorted(passed, key=lambda state: -state.used_percent)[:SHOWN]:
        link = reverse("admin:tenants_budget_change", args=[state.id])
        effect = "What it does not cover is refused." if state.hard else "It only alerts: nothing is refused."
        level = "spent" if state.used_percent >= WHOLE else "budget"
        what = f"{state.name}: {state.used_percent:.0f} % spent"
        yield Notice(
            what,
            effect,
            link,
            "tenants.view_budget",
            level,
            "The budget",
            about_budget(state.id),
            tenant=state.tenant_id,
        )


def about_budget(budget_id: int) -> str:
    """What notices are about that tell how a budget stands."""
    return f"budget {budget_id}"


def _of_leases(now: datetime, sight: Sight) -> Iterator[Notice]:
    lost = lost_leases(now).select_related("window__budget__tenant", "window__budget__key")
    lost = seen(lost.filter(window__budget__isnull=False), sight, "window__budget__tenant_id")
    for lease in lost[:SHOWN]:
        budget = lease.window.budget
        link = reverse("admin:tenants_budget_change", args=[budget.pk])
        what = f"{amount_text(budget.unit, lease.outstanding)} of {budget} are leased by {lease.holder}"
        effect = "It is not heard of any more. If its machine is lost, release it there."
        stake = lease.outstanding if budget.unit == USD else None
        yield Notice(
            what,
            effect,
            link,
            "tenants.view_budget",
            "budget",
            "Release it",
            f"lease {lease.pk}",
            lease.seen_at,
            nano_usd=stake,
            tenant=budget.tenant_id,
        )


def _of_keys(now: datetime, sight: Sight) -> Iterator[Notice]:
    ending = ClientKey.objects.filter(own("tenant__"), revoked_at=None, lent_to=None)
    ending = ending.filter(expires_at__gt=now, expires_at__lt=now + SOON)
    for key in seen(ending, sight, "tenant_id").select_related("tenant").order_by("expires_at")[:SHOWN]:
        link = reverse("admin:tenants_clientkey_change", args=[key.pk])
        when = f"{key.expires_at:%Y-%m-%d %H:%M} UTC"
        effect = "Its application is refused then."
        assert key.expires_at is not None  # the filter
        yield Notice(
            f"{key} ends on {when}",
            effect,
            link,
            "tenants.view_clientkey",
            "ending",
            "Renew it",
            f"key {key.pk} ends",
            key.expires_at - SOON,
            traffic=of_key(key.pk),
            tenant=key.tenant_id,
        )


def _of_mail(sight: Sight) -> Iterator[Notice]:
    """Those whom no mail reaches; for who sees every tenant, as who sets the mail server does."""
    if settings.EMAIL_HOST or sight is not None:
        return
    if waiting := email_receivers().count():
        what = f"{waiting} receiver{'s' if waiting > 1 else ''} of alerts by e-mail, and no mail server"
        link = f"{reverse('admin:tenants_alertreceiver_changelist')}?kind__exact=email"
        effect = "None of them is told anything. EMAIL_URL names a mail server."
        yield Notice(what, effect, link, "tenants.view_alertreceiver", "unheard", "The receivers", "no mail server")


def email_receivers() -> QuerySet[AlertReceiver]:
    """Who is to be told by e-mail."""
    return AlertReceiver.objects.filter(kind=AlertReceiver.Kind.EMAIL, enabled=True)


def of_key(key_id: object) -> str:
    """The `traffic` of a notice about a client key; no provider is called so."""
    return f"key:{key_id}"
