"""One maker of rows per model that the admin shows."""

import itertools
import time
import uuid
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from uuid_utils import uuid7

from feedback.models import Evaluation, Rating
from profiling.models import Job, LatencyProfile, TokenCalibration
from providers.models import (
    AuditEntry,
    Credential,
    Deployment,
    LanguageModel,
    PriceListReading,
    PriceProposal,
    Provider,
)
from providers.secrets import seal
from routing.models import DrillRun, Policy
from tenants import keys
from tenants.delivering import keep_hook
from tenants.models import AlertReceiver, Budget, ClientKey, Tenant
from tenants.webhooks import Hook
from usage.models import RequestRecord

numbers = itertools.count(1)


def provider(**values: Any) -> Provider:
    given = {"name": f"provider-{next(numbers)}", "wire": "openai", "base_url": "https://api.example.com/v1"}
    return Provider.objects.create(**given | values)


def credential(secret: str = "sk-quite-long-secret-4711", **values: Any) -> Credential:
    given = {"name": "default", "ciphertext": seal(secret), "last_four": secret[-4:]}
    if "provider" not in values:
        given["provider"] = provider()
    return Credential.objects.create(**given | values)


def language_model(**values: Any) -> LanguageModel:
    return LanguageModel.objects.create(**{"name": f"model-{next(numbers)}", "aliases": []} | values)


def deployment(**values: Any) -> Deployment:
    owners: dict[str, Callable[[], Model]] = {"provider": provider, "model": language_model}
    given = {name: make() for name, make in owners.items() if name not in values}
    if "provider" in given:
        credential(provider=given["provider"])
    return Deployment.objects.create(**{"upstream_model": "upstream", "capabilities": ["tools"]} | given | values)


def price_proposal(**values: Any) -> PriceProposal:
    reading = PriceListReading.objects.create(list_name="litellm", url="https://x", read_at=timezone.now(), entries=1)
    given = {"reading": reading, "price": {"input": "1", "output": "2"}}
    return PriceProposal.objects.create(**{"deployment": deployment()} | given | values)


def tenant(**values: Any) -> Tenant:
    return Tenant.objects.create(**{"name": f"tenant-{next(numbers)}"} | values)


def client_key(**values: Any) -> ClientKey:
    return keys.issue(values.pop("tenant", None) or tenant(), values.pop("name", f"key-{next(numbers)}"), **values)[0]


def budget(**values: Any) -> Budget:
    return Budget.objects.create(**{"tenant": tenant(), "limit_usd": 25} | values)


HOOK = Hook("https://hooks.example.com/a-needle-of-a-path-2207", "a-needle-of-a-signing-key")


def receiver(**values: Any) -> AlertReceiver:
    about = budget() if "tenant" not in values else None
    given = {"tenant": about and about.tenant, "budget": about, "name": f"receiver-{next(numbers)}"}
    row = AlertReceiver(**given | values)
    keep_hook(row, HOOK)
    row.save()
    return row


def policy(**values: Any) -> Policy:
    return Policy.objects.create(
        **{"name": f"policy-{next(numbers)}", "kind": "weighted", "weights": {"cost": 1}} | values
    )


def drill_run() -> DrillRun:
    return DrillRun.objects.create(asked_by="ana", scenarios=["S01"])


def audit_entry() -> AuditEntry:
    return AuditEntry.objects.create(actor="ana", via="admin", action="changed", kind="provider", object_name="x")


def user(**values: Any) -> User:
    return User.objects.create(**{"username": f"user-{next(numbers)}", "is_staff": True} | values)


def group() -> Group:
    return Group.objects.create(name=f"group-{next(numbers)}")


def interval() -> IntervalSchedule:
    return IntervalSchedule.objects.create(every=next(numbers), period="minutes")


def crontab() -> CrontabSchedule:
    return CrontabSchedule.objects.create(minute=str(next(numbers) % 60))


def schedule() -> PeriodicTask:
    return PeriodicTask.objects.create(name=f"schedule-{next(numbers)}", task="jobs.hint", interval=interval())


def job() -> Job:
    return Job.objects.create(kind="discovery", window=str(next(numbers)), due_at=timezone.now())


def latency_profile() -> LatencyProfile:
    return LatencyProfile.objects.create(
        deployment=deployment(), hours=1, attempts=3, answered=3, measured_at=timezone.now()
    )


def token_calibration() -> TokenCalibration:
    measured = {"factor": 1.6, "pairs": 200, "typical_error": 0.04, "measured_at": timezone.now()}
    return TokenCalibration.objects.create(model=language_model(), **measured)


def rating() -> Rating:
    return Rating.objects.create(request_id=uuid.uuid4(), tenant=tenant(), key_id=1, score=1, created_at=timezone.now())


def evaluation() -> Evaluation:
    said = {"kind": "feedback", "model": "demo", "prompt": "Why?", "response": "Because.", "score": 0.5}
    return Evaluation.objects.create(tenant=tenant(), key_id=1, created_at=timezone.now(), **said)


def of_tenant(row: Any, owner: Tenant) -> int:
    """Hand a row to a tenant; its id."""
    row.tenant = owner
    row.save()
    return int(row.pk)


def record(key: ClientKey) -> RequestRecord:
    """What the history keeps of one request with this key, now."""
    numbers_of = {"http_status": 200, "attempts_count": 1, "failovers": 0, "overhead_ms": 0.4, "total_ms": 80.0}
    return RequestRecord.objects.create(
        id=UUID(str(uuid7())),
        started_us=time.time_ns() // 1000,
        tenant_id=key.tenant_id,
        tenant=key.tenant.name,
        key_id=key.pk,
        key_prefix=key.prefix,
        surface="chat",
        stream=False,
        status="answered",
        asked_model="auto",
        has_tools=False,
        estimated=False,
        **numbers_of,
    )


ROWS: dict[type[Model], Callable[[], Model]] = {
    Provider: provider,
    Credential: credential,
    LanguageModel: language_model,
    Deployment: deployment,
    PriceProposal: price_proposal,
    Tenant: tenant,
    AlertReceiver: receiver,
    Budget: budget,
    ClientKey: client_key,
    Policy: policy,
    AuditEntry: audit_entry,
    User: user,
    Group: group,
    IntervalSchedule: interval,
    CrontabSchedule: crontab,
    PeriodicTask: schedule,
    Job: job,
    LatencyProfile: latency_profile,
    TokenCalibration: token_calibration,
    Rating: rating,
    Evaluation: evaluation,
    DrillRun: drill_run,
}
