"""How does the sample stand, and what may be done about it? Told from what is there: the tenant, and the job's rows."""

from datetime import datetime
from typing import Final, Literal

from django.db import transaction
from msgspec import Struct

from profiling.hints import ask_for
from profiling.models import Job
from providers import audit
from providers.revisions import TENANTS, bump
from routing.demo import rows
from routing.models import Policy
from tenants.models import Tenant

KIND: Final = "demo"  # of the job that makes it
USUAL_POLICY: Final = "balanced"
State = Literal["none", "waits", "fills", "filled", "failed", "leaves"]
OPEN: Final = (Job.State.QUEUED, Job.State.RUNNING)


class Standing(Struct, frozen=True):
    """`progress` (0 to 1) and `message` are the job's; `since` is when it was asked for."""

    state: State
    tenant: str = ""
    progress: float = 0.0
    message: str = ""
    since: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether it changes by itself."""
        return self.state in ("waits", "fills", "leaves")


def standing(now: datetime) -> Standing:
    """Two queries."""
    tenant = rows.tenant_of_sample()
    if tenant is None:
        return Standing("none")
    job = Job.objects.filter(kind=KIND).first()
    state = _state(tenant, job, now)
    if job is None:
        return Standing(state, tenant.name, since=tenant.created_at)
    return Standing(state, tenant.name, job.progress, job.message.rstrip("."), job.created_at)


@transaction.atomic
def ask(actor: audit.Actor, now: datetime, reason: str = "") -> bool:
    """Queue the job that makes the sample; False where there is one already. Raises `rows.NameTaken`."""
    names = list(Policy.objects.filter(enabled=True, drill=False).order_by("name").values_list("name", flat=True))
    tenant, new = rows.make_tenant(USUAL_POLICY if USUAL_POLICY in names or not names else names[0])
    Tenant.objects.select_for_update().get(pk=tenant.pk)  # of two who ask at once, the second waits, and sees the job
    if not new and standing(now).state != "failed":
        return False
    Tenant.objects.filter(pk=tenant.pk).update(enabled=True)  # its removal may be what was cut off
    audit.record(actor, "asked for", tenant, {}, reason)
    ask_for(KIND, now, f"asked {now:%Y-%m-%dT%H:%M:%S.%f}Z")
    return True


@transaction.atomic
def remove(actor: audit.Actor, now: datetime, reason: str = "") -> bool:
    """Take the sample away, at once or as soon as who makes it has stopped; False where there is none."""
    tenant = Tenant.objects.select_for_update().filter(demo=True).first()
    if tenant is None:
        return False
    audit.record(actor, "removed", tenant, {}, reason)
    if _running(Job.objects.filter(kind=KIND).first(), now):
        Tenant.objects.filter(pk=tenant.pk).update(enabled=False)  # the job sees it and removes all
        bump(TENANTS)
    else:
        rows.remove(tenant)
    return True


def _state(tenant: Tenant, job: Job | None, now: datetime) -> State:
    if not tenant.enabled:
        return "leaves" if _running(job, now) else "failed"
    if job is None or job.state == Job.State.DONE:
        return "filled"
    if job.state == Job.State.QUEUED:
        return "waits"
    return "fills" if _running(job, now) else "failed"


def _running(job: Job | None, now: datetime) -> bool:
    """Whether a worker is at it: one that died is not."""
    if job is None or job.state != Job.State.RUNNING:
        return False
    return job.lease_until is not None and job.lease_until > now
