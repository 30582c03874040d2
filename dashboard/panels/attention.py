"""Does anything need a person? Refused credentials, deployments that fail or are down, models without a price."""

from msgspec import Struct

from dashboard.formatting import count, percent
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from providers.attention import Notice
from routing.attention import notices_of
from routing.healthnow import health_now
from usage.selectors import Attempts, Group, attempts, last_attempts, unpriced

ERROR_RATE = 0.05  # of attempts, above which a deployment is named
ENOUGH = 3  # failed attempts: fewer may be chance


class Finding(Struct, frozen=True):
    """One thing to look at."""

    level: str  # a badge
    what: str
    effect: str
    verb: str
    address: str


class Attention(Struct, frozen=True):
    findings: tuple[Finding, ...]
    checked: str
    judged: bool  # something was called


class AttentionPanel(Panel):
    """What is wrong, sorted by how many requests it touches; or that all is well, and what was checked."""

    name = "attention"
    title = "What needs me?"
    page = "home"
    order = 20
    formula = (
        f"A deployment is named when its last call in the range failed, or more than {percent(ERROR_RATE)} of its "
        f"attempts, at least {ENOUGH}; a model when it worked at a cost that nobody knows."
    )

    def data(self, scope: Scope) -> Attention:
        span = scope.period.span
        called = scope.ask(attempts, span, scope.tenant_id)
        down = {last.deployment: last.error or "failed" for last in last_attempts(span) if last.failed}
        found = [(one.failed, _failing(one, scope, down)) for one in called if _fails(one) or one.deployment in down]
        found += [(g.totals.unpriced, _unpriced(g, scope)) for g in scope.ask(unpriced, span, scope.entities)]
        found.sort(key=lambda pair: -pair[0])
        health = scope.ask(health_now)
        refused = [_refused(notice) for notice in notices_of(health)] if health else []
        checked = f"credentials, each deployment's last call and errors (at most {percent(ERROR_RATE)}), prices"
        return Attention((*refused, *(finding for _, finding in found)), checked, bool(called))


def _refused(notice: Notice) -> Finding:
    return Finding("refused", notice.what, notice.effect, "Its settings", notice.link)


def _fails(one: Attempts) -> bool:
    return one.failed >= ENOUGH and (one.error_rate or 0) > ERROR_RATE


def _failing(one: Attempts, scope: Scope, down: dict[str, str]) -> Finding:
    last = f"{one.deployment}: its last call failed ({down.get(one.deployment)})"
    what = last if one.deployment in down else f"{one.deployment}: {percent(one.error_rate)} of its attempts failed"
    effect = f"{count(one.failed)} of {count(one.attempts)} attempts"
    address = scope.link("requests", first=one.deployment, status="failover")
    return Finding("failing", what, effect, "Requests that left it", address)


def _unpriced(group: Group, scope: Scope) -> Finding:
    what = f"{group.value or 'a deployment that is gone'} has no price"
    effect = f"the cost of {count(group.totals.unpriced)} requests is unknown"
    return Finding(
        "unpriced", what, effect, "Those requests", scope.link("requests", served=str(group.value), status="unpriced")
    )
