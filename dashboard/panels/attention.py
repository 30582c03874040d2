"""Does anything need a person? Deployments that fail or work at unknown cost, and whatever the apps notice."""

from msgspec import Struct

from dashboard.attention import notices, refused
from dashboard.formatting import count, percent
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from providers.attention import Notice, unpriced_use
from routing.healthnow import health_now
from usage.selectors import Attempts, Group, attempts, last_attempts, unpriced

ERROR_RATE = 0.05  # of attempts, above which a deployment is named
ENOUGH = 3  # failed attempts: fewer may be chance
GRAVE = frozenset({"refused", "failing", "spent"})  # levels that stand first: requests are lost
CHECKED = (
    f"each deployment's last call and errors (at most {percent(ERROR_RATE)}), credentials, prices, budgets, client "
    "keys, jobs, the figures of money"
)


class Finding(Struct, frozen=True):
    """One thing to look at."""

    level: str  # a badge
    what: str
    effect: str
    verb: str
    address: str  # empty: this person may not open it


class Attention(Struct, frozen=True):
    findings: tuple[Finding, ...]
    checked: str
    judged: bool  # something was called
    rest: str  # where the whole panel is found, empty: this is it


class AttentionPanel(Panel):
    """What is wrong, that by which requests are lost first; or that all is well, and what was checked."""

    name = "attention"
    title = "What needs me?"
    page = "home"
    order = 20
    formula = (
        f"A deployment is named when its last call in the range failed, or more than {percent(ERROR_RATE)} of its "
        f"attempts, at least {ENOUGH}; a model when it worked at a cost that nobody knows. The rest is what the "
        "admin's overview says now, whatever the range: credentials, budgets, prices, keys, jobs and the check of the "
        "figures of money."
    )

    def data(self, scope: Scope) -> Attention:
        """What the requests say; with the panel alone also what is noticed, which has too much to ask for a page."""
        called = scope.ask(attempts, scope.period.span, scope.tenant_id)
        without_price = scope.ask(unpriced, scope.period.span, scope.entities)
        told = {unpriced_use(str(group.value)) for group in without_price}
        health = scope.ask(health_now)
        noticed = notices(scope.period.now, health, scope.sight) if scope.alone else refused(health)
        findings = _of_requests(called, without_price, scope)
        findings += [_noticed(notice, scope) for notice in noticed if notice.about not in told]
        findings.sort(key=lambda finding: (finding.level not in GRAVE, finding.level != "refused"))
        rest = "" if scope.alone else scope.panel_address(self.name)
        return Attention(tuple(findings), CHECKED, bool(called), rest)


def _of_requests(called: list[Attempts], without_price: list[Group], scope: Scope) -> list[Finding]:
    """What fails and what has no price, that by which most requests are touched first."""
    down = {last.deployment: last.error or "failed" for last in last_attempts(scope.period.span) if last.failed}
    found = [(one.failed, _failing(one, scope, down)) for one in called if _fails(one) or one.deployment in down]
    found += [(group.totals.unpriced, _unpriced(group, scope)) for group in without_price]
    return [finding for _, finding in sorted(found, key=lambda pair: -pair[0])]


def _noticed(notice: Notice, scope: Scope) -> Finding:
    address = notice.link if scope.may(notice.permission) else ""
    return Finding(notice.level, notice.what, notice.effect, notice.verb, address)


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
    many = group.totals.unpriced
    effect = f"the cost of {count(many)} request{'s' if many > 1 else ''} is unknown"
    return Finding(
        "unpriced", what, effect, "Those requests", scope.link("requests", served=str(group.value), status="unpriced")
    )
